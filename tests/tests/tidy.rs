//! The house rules that a machine can judge, read off the tree as git knows it: arrows between the crates, first lines,
//! `unwrap`, the layout, extension tables, what the README points to. Style that needs judgement is left to people and
//! clippy; the length of a file is only hinted at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What may stand at the top, beside dotfiles.
const TOP: &str = "Cargo.lock Cargo.toml LICENSE README.md deploy gateway hub inference models tests";

/// Longest file that raises no hint.
const LINES_MAX: usize = 600;

/// Who may know whom within the workspace.
const ARROWS: &[(&str, &str)] = &[
    ("yiwang-wire", ""),
    ("yiwang-inference", ""),
    ("yiwang-gateway", "yiwang-inference yiwang-wire"),
    ("yiwang-hub", "yiwang-wire"),
    ("yiwang-city", "yiwang-inference yiwang-wire"),
    ("yiwang-tests", "yiwang-city yiwang-gateway yiwang-hub yiwang-inference yiwang-wire"),
    ("yiwang-fuzz", "yiwang-city yiwang-gateway yiwang-inference yiwang-wire"),
];

/// What a crate never links, not even through others.
const NEVER: &[(&str, &str)] = &[
    ("yiwang-wire", "tokio quinn rusqlite gstreamer ort"),
    ("yiwang-inference", "tokio quinn axum rustls retina gstreamer rusqlite time"),
    ("yiwang-hub", "gstreamer gstreamer-app ort ort-sys retina"),
    ("yiwang-gateway", "rusqlite yiwang-hub"),
];

/// The extension points: a folder, the table in its `mod.rs`, and what marks a file as an extension: such a file has a
/// line in the table.
const TABLES: &[(&str, &str, &str)] = &[
    ("inference/src/rules", "RULES", "RuleKind ="),
    ("inference/src/detect", "FAMILIES", "impl Family for"),
    ("gateway/src/camera", "SCHEMES", ": Scheme ="),
];

#[test]
fn the_crates_know_only_whom_the_design_allows() {
    let known: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for manifest in files(&["toml"]).iter().filter(|f| f.ends_with("Cargo.toml")) {
        let table: toml::Table = read(manifest).parse().expect("a manifest is TOML, or cargo would not have come here");
        let Some(name) = table.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str()) else {
            continue;
        };
        let allowed = known.get(name).unwrap_or_else(|| panic!("{manifest}: {name} has no line in ARROWS"));
        seen.insert(name.to_owned());
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = table.get(section).and_then(|d| d.as_table()) else {
                continue;
            };
            for dependency in dependencies.keys().filter(|d| d.starts_with("yiwang-")) {
                assert!(
                    allowed.split(' ').any(|a| a == dependency),
                    "{manifest}: {name} must not depend on {dependency}"
                );
            }
        }
    }
    for (name, _) in ARROWS {
        assert!(seen.contains(*name), "no crate {name} in the tree");
    }
}

#[test]
fn no_crate_links_what_it_must_not_even_through_others() {
    let graph = lock_graph();
    for (name, never) in NEVER {
        let mut reached = BTreeSet::new();
        let mut todo = vec![(*name).to_owned()];
        while let Some(package) = todo.pop() {
            if reached.insert(package.clone()) {
                todo.extend(graph.get(&package).into_iter().flatten().cloned());
            }
        }
        assert!(reached.len() > 1, "{name} is not in Cargo.lock");
        for package in never.split(' ') {
            assert!(!reached.contains(package), "{name} links {package}, which the design forbids it");
        }
    }
}

#[test]
fn inference_reads_no_clock_and_opens_no_socket() {
    for file in files(&["rs"]).iter().filter(|f| f.starts_with("inference/src/")) {
        for (number, line) in code_lines(&read(file)) {
            for word in ["Instant::now", "SystemTime", "std::net", "thread::sleep"] {
                assert!(
                    !line.contains(word),
                    "{file}:{number}: inference takes times and bytes as arguments, not {word}"
                );
            }
        }
    }
}

#[test]
fn every_rust_file_says_first_what_it_does() {
    let silent: Vec<_> = files(&["rs"]).into_iter().filter(|f| !read(f).starts_with("//! ")).collect();
    assert!(silent.is_empty(), "no `//!` on the first line: {silent:#?}");
}

#[test]
fn no_unwrap_outside_tests() {
    let mut found = Vec::new();
    for file in files(&["rs"]).into_iter().filter(|f| !is_test(f)) {
        for (number, line) in code_lines(&read(&file)) {
            if line.contains(".unwrap()") || line.contains(".unwrap_err()") || line.contains(".expect(\"\")") {
                found.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "use `?`, or an `expect` that states the invariant:\n{}", found.join("\n"));
}

#[test]
fn nothing_stands_outside_the_layout() {
    for file in files(&[]) {
        let top = file.split('/').next().expect("a path has a first part");
        assert!(top.starts_with('.') || TOP.split(' ').any(|t| t == top), "{file}: {top} is not part of the layout");
        let length = fs::metadata(root().join(&file)).map_or(0, |m| m.len());
        assert!(length < 4_500_000, "{file}: {length} bytes; no build output and no blob in the tree");
    }
}

#[test]
fn no_machine_and_no_registry_is_named() {
    // Put together here, so that this file does not find itself.
    let bans =
        "/ro+ot/ /ho+me/ /wo+rk/ /tmp/ba+sh_jobs pypi+.org pythonhosted+.org registry.npm+js.org deb.deb+ian.org";
    let bans: Vec<String> = bans.split(' ').map(|b| b.replace('+', "")).collect();
    for file in files(&[]).into_iter().filter(|f| f != "Cargo.lock" && f != "LICENSE") {
        let Ok(text) = fs::read_to_string(root().join(&file)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for ban in &bans {
                // A folder of the project's own that ends in the same word (`src/…`) is no place on a machine.
                let named = line.match_indices(ban.as_str()).any(|(at, _)| {
                    !ban.starts_with('/') || !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_.-".contains(c))
                });
                assert!(!named, "{file}:{}: names {ban}", number + 1);
            }
        }
    }
}

#[test]
fn every_extension_has_its_line_in_the_table() {
    for (folder, name, marker) in TABLES {
        let table_file = format!("{folder}/mod.rs");
        let text = read(&table_file);
        let start = text.find(&format!(" {name}: ")).unwrap_or_else(|| panic!("{table_file} has no {name}"));
        let end = start + text[start..].find("];").expect("a table ends in `];`");
        let mut extensions = 0;
        for file in files(&["rs"]) {
            let path = Path::new(&file);
            let lines = || code_lines(&read(&file));
            if path.parent() != Some(Path::new(folder))
                || file == table_file
                || !lines().iter().any(|(_, line)| line.contains(marker))
            {
                continue;
            }
            let module = path.file_stem().and_then(|s| s.to_str()).expect("file names are UTF-8");
            let listed = text[start..end].contains(&format!("{module}::"));
            assert!(listed, "{file} has no line in {name} of {table_file}");
            extensions += 1;
        }
        assert!(extensions > 1, "{folder}: {extensions} files with {marker:?}; is the marker right?");
    }
}

#[test]
fn what_the_readme_points_to_exists() {
    let folders = TOP.split(' ').filter(|t| !t.contains('.'));
    let starts: Vec<String> = folders.map(|t| format!("{t}/")).collect();
    let readme = read("README.md");
    let mut checked = 0;
    for quoted in readme.split('`').skip(1).step_by(2) {
        let path = quoted.split_whitespace().next().unwrap_or_default();
        if starts.iter().any(|s| path.starts_with(s)) && !path.contains(['<', '*', '{', '…']) {
            assert!(root().join(path).exists(), "README.md points to {path}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 10, "the code map has gone: only {checked} paths");
}

#[test]
fn long_files_are_hinted_at() {
    for file in files(&["rs", "ts", "svelte"]) {
        let lines = read(&file).lines().count();
        if lines > LINES_MAX {
            eprintln!("hint: {file} has {lines} lines; is there a seam?");
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' crate lies one folder below the top").into()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Files that git tracks or would track, with one of the endings; all where none is given.
fn files(endings: &[&str]) -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there: the tree was cloned with it");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let ends = |f: &str| endings.is_empty() || endings.iter().any(|e| f.ends_with(&format!(".{e}")));
    let text = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    let found: BTreeSet<String> =
        text.split('\0').filter(|f| !f.is_empty() && ends(f) && root().join(f).is_file()).map(str::to_owned).collect();
    found.into_iter().collect()
}

/// Whole files of tests: in a folder of tests, or declared under `#[cfg(test)]` beside or above. A module of tests at
/// the end of a file is cut off by [`code_lines`].
fn is_test(file: &str) -> bool {
    let special = ["tests", "benches", "fuzz", "tests.rs", "conformance.rs"];
    if file.ends_with("_tests.rs") || file.split('/').any(|part| special.contains(&part)) {
        return true;
    }
    let path = Path::new(file);
    let module = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let declared = format!("mod {module};");
    ["lib.rs", "main.rs", "mod.rs"]
        .iter()
        .map(|name| path.with_file_name(name))
        .filter_map(|parent| fs::read_to_string(root().join(parent)).ok())
        .any(|text| {
            let lines: Vec<&str> = text.lines().collect();
            lines.windows(2).any(|w| w[0] == "#[cfg(test)]" && w[1].ends_with(&declared))
        })
}

/// The lines up to the module of tests, numbered from 1, without comments.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|w| w[0] == "#[cfg(test)]" && w[1].contains("mod ") && w[1].ends_with('{'));
    lines[..tests.unwrap_or(lines.len())]
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, (*line).to_owned()))
        .collect()
}

/// Who depends on whom, by name, out of Cargo.lock.
fn lock_graph() -> BTreeMap<String, BTreeSet<String>> {
    let lock: toml::Table = read("Cargo.lock").parse().expect("Cargo.lock is TOML");
    let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
    for package in lock["package"].as_array().expect("Cargo.lock lists packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let dependencies = package.get("dependencies").and_then(|d| d.as_array()).into_iter().flatten();
        let names = dependencies.filter_map(|d| d.as_str()?.split(' ').next()).map(str::to_owned);
        graph.entry(name.to_owned()).or_default().extend(names);
    }
    graph
}
