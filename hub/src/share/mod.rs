//! Who may do what and see what. Pure: takes accounts and grants as data, returns decisions; reads no clock, no store and
//! no request. Deny is the default: a department sees its own, a grant must name what else, and a need that is not met is
//! a refusal. Every answer and every feed is cut to a [`View`]; the revision of the grants that made it travels with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::{Grant, Role, Scope, Sees};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person with a session.
    User {
        /// Name.
        name: String,
        /// Role.
        role: Role,
        /// Department.
        department: String,
    },
    /// A program with a feed token: it reads, nothing else.
    Token {
        /// The token's id.
        id: String,
        /// Department whose view it has.
        department: String,
    },
}

impl Principal {
    /// The department.
    pub fn department(&self) -> &str {
        match self {
            Principal::User { department, .. } | Principal::Token { department, .. } => department,
        }
    }

    fn role(&self) -> Option<Role> {
        match self {
            Principal::User { role, .. } => Some(*role),
            Principal::Token { .. } => None,
        }
    }
}

/// What a route asks of who calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it shows nothing of anybody.
    Nothing,
    /// Somebody known: a person or a feed token. The answer is cut to their view.
    Viewer,
    /// A person.
    Person,
    /// A person who is administrator.
    Administrator,
    /// A caller on this very machine, or an administrator.
    LocalOrAdministrator,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Nobody known asks: logging in may help.
    Unknown,
    /// Known, and not entitled: logging in again does not help.
    Forbidden,
}

/// The one decision that every request passes.
pub fn authorise(need: Need, principal: Option<&Principal>, local: bool) -> Result<(), Denial> {
    let role = principal.and_then(Principal::role);
    let administrator = role == Some(Role::Administrator);
    let met = match need {
        Need::Nothing => true,
        Need::Viewer => principal.is_some(),
        Need::Person => role.is_some(),
        Need::Administrator => administrator,
        Need::LocalOrAdministrator => local || administrator,
    };
    match (met, principal) {
        (true, _) => Ok(()),
        (false, None) => Err(Denial::Unknown),
        (false, Some(_)) => Err(Denial::Forbidden),
    }
}

/// The grants in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    revision: u64,
    sees: BTreeMap<String, BTreeSet<Sees>>,
}

impl Policy {
    /// From the grants of one revision.
    pub fn new(revision: u64, grants: &[Grant]) -> Self {
        let mut sees: BTreeMap<String, BTreeSet<Sees>> = BTreeMap::new();
        for grant in grants {
            sees.entry(grant.department.clone()).or_default().insert(grant.sees.clone());
        }
        Self { revision, sees }
    }

    /// What the principal sees.
    pub fn view(&self, principal: &Principal) -> View {
        let granted = self.sees.get(principal.department());
        let has = |sees: &Sees| granted.is_some_and(|granted| granted.contains(sees));
        let all = principal.role() == Some(Role::Administrator) || has(&Sees::All);
        let mut departments = BTreeSet::from([principal.department().to_owned()]);
        // Programs have no pictures, and administrators only those that they are granted: they make the grants, and each
        // is on the record.
        let person = principal.role().is_some();
        let mut pictures = if person { departments.clone() } else { BTreeSet::new() };
        for sees in granted.into_iter().flatten() {
            match sees {
                Sees::Department(id) => drop(departments.insert(id.clone())),
                Sees::Pictures(id) if person => drop(pictures.insert(id.clone())),
                Sees::Pictures(_) | Sees::All | Sees::AllPictures => {}
            }
        }
        let all_pictures = person && has(&Sees::AllPictures);
        View { policy_revision: self.revision, all, departments, all_pictures, pictures }
    }
}

/// What somebody sees. The only way from a principal to a store query's [`Scope`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    policy_revision: u64,
    all: bool,
    departments: BTreeSet<String>,
    all_pictures: bool,
    pictures: BTreeSet<String>,
}

impl View {
    /// Revision of the grants that made this view.
    pub fn policy_revision(&self) -> u64 {
        self.policy_revision
    }

    /// May this department's data be shown?
    pub fn sees(&self, department: &str) -> bool {
        self.all || self.departments.contains(department)
    }

    /// May pictures of this department's cameras be looked at? Never where its data may not be shown.
    pub fn looks(&self, department: &str) -> bool {
        self.sees(department) && (self.all_pictures || self.pictures.contains(department))
    }

    /// For the store: everything in view.
    pub fn scope(&self) -> Scope {
        if self.all { Scope::All } else { Scope::Departments(self.departments.iter().cloned().collect()) }
    }

    /// For the store: this one department, where it is in view.
    pub fn scope_of(&self, department: &str) -> Option<Scope> {
        self.sees(department).then(|| Scope::Departments(vec![department.to_owned()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: Role, department: &str) -> Principal {
        Principal::User { name: "n".into(), role, department: department.into() }
    }

    fn token(department: &str) -> Principal {
        Principal::Token { id: "t".into(), department: department.into() }
    }

    #[test]
    fn a_department_sees_its_own_and_what_a_grant_names_and_nothing_else() {
        let grants = [
            Grant { department: "operations".into(), sees: Sees::All },
            Grant { department: "traffic".into(), sees: Sees::Department("police".into()) },
        ];
        let policy = Policy::new(7, &grants);
        let cases = [
            (user(Role::Department, "police"), [true, false, false]),
            (user(Role::Operator, "police"), [true, false, false]),
            (user(Role::Administrator, "police"), [true, true, true]),
            (user(Role::Operator, "operations"), [true, true, true]),
            (user(Role::Department, "traffic"), [true, true, false]),
            (token("police"), [true, false, false]),
            (token("operations"), [true, true, true]),
            (token("nobody"), [false, false, false]),
        ];
        for (principal, expected) in cases {
            let view = policy.view(&principal);
            let seen = ["police", "traffic", "city-management"].map(|d| view.sees(d));
            assert_eq!(seen, expected, "{principal:?}");
            assert_eq!(view.policy_revision(), 7);
            assert_eq!(view.scope_of("city-management").is_some(), expected[2]);
            assert_eq!(view.scope() == Scope::All, expected == [true; 3]);
        }
        // A grant has a direction.
        assert!(!policy.view(&token("police")).sees("traffic"));
    }

    #[test]
    fn pictures_are_ones_own_and_what_a_grant_of_pictures_names_of_what_is_seen() {
        let grants =
            ["all", "pictures/police"].map(|sees| Grant { department: "operations".into(), sees: Sees::parse(sees) });
        let blind = ["pictures/all"].map(|sees| Grant { department: "traffic".into(), sees: Sees::parse(sees) });
        let policy = Policy::new(1, &[grants.as_slice(), &blind].concat());
        let cases = [
            (user(Role::Operator, "operations"), [true, true, false]),
            (user(Role::Department, "police"), [false, true, false]),
            // What is not seen is not looked at either.
            (user(Role::Department, "traffic"), [false, false, true]),
            // An administrator sees all and looks where a grant says so.
            (user(Role::Administrator, "police"), [false, true, false]),
            (user(Role::Administrator, "traffic"), [true, true, true]),
            (token("operations"), [false; 3]),
            (token("police"), [false; 3]),
        ];
        for (principal, expected) in cases {
            let view = policy.view(&principal);
            assert_eq!(["operations", "police", "traffic"].map(|d| view.looks(d)), expected, "{principal:?}");
        }
    }

    #[test]
    fn only_a_need_that_is_met_is_allowed() {
        use Need::*;
        let administrator = user(Role::Administrator, "operations");
        let person = user(Role::Operator, "operations");
        let program = token("police");
        // need, administrator, person, token, nobody; then nobody on this machine
        let cases = [
            (Nothing, [true, true, true, true], true),
            (Viewer, [true, true, true, false], false),
            (Person, [true, true, false, false], false),
            (Administrator, [true, false, false, false], false),
            (LocalOrAdministrator, [true, false, false, false], true),
        ];
        for (need, expected, local) in cases {
            let callers = [Some(&administrator), Some(&person), Some(&program), None];
            let allowed = callers.map(|caller| authorise(need, caller, false).is_ok());
            assert_eq!(allowed, expected, "{need:?}");
            assert_eq!(authorise(need, None, true).is_ok(), local, "{need:?}");
        }
        assert_eq!(authorise(Administrator, None, true), Err(Denial::Unknown));
        assert_eq!(authorise(Administrator, Some(&program), true), Err(Denial::Forbidden));
    }
}
