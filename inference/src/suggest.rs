//! "Did you mean": the nearest known word for a mistyped one. What to do with it is left to the error that shows it.

/// The known word nearest to `word`, where one is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().max(3) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" where a word is near, else "known are: …" (the first sixteen).
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let shown: Vec<&str> = known.iter().copied().take(16).collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    format!("known are: {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_named_and_a_strange_word_lists_what_is_known() {
        let known = ["person", "car", "truck"];
        assert_eq!(nearest("persn", known), Some("person"));
        assert_eq!(nearest("Cars", known), Some("car"));
        assert_eq!(nearest("elephant", known), None);
        assert_eq!(hint("elephant", known), "known are: person, car, truck");
    }
}
