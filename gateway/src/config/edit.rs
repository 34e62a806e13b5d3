//! Changes `gateway.toml` as a person would, in its text, so that comments and order stay: a candidate model takes the
//! place of the model in force, or is taken out. What comes out is parsed before it is used.

use super::Raw;

/// The tables at the top of the file: where a line opens one, the one before ends.
const TABLES: &[&str] = &["model", "shadow", "admin", "page", "processor", "spool", "pictures", "camera"];
/// Keys of `[model]` that are not about which model it is.
const KEPT: &[&str] = &["threads", "onnxruntime", "manifest"];
/// Keys of `[shadow]` that are not.
const LEFT: &[&str] = &["cores_max"];

/// The file with the candidate as its model.
///
/// # Errors
/// There is no candidate, or the file is written in a way that this does not know; the text says what to do.
pub fn promote(text: &str) -> Result<String, String> {
    let before: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let Some(shadow) = before.shadow else { return Err(NO_SHADOW.into()) };
    let lines: Vec<&str> = text.lines().collect();
    let candidate = section(&lines, "shadow").ok_or(BY_HAND)?;
    let mut body: Vec<&str> = lines[candidate.0 + 1..candidate.1].to_vec();
    body.retain(|line| !LEFT.contains(&key(line)));
    let mut out: Vec<&str> = Vec::new();
    match section(&lines, "model") {
        Some(model) => {
            let kept = |line: &&&str| KEPT.contains(&key(line)) || line.trim_start().starts_with('#');
            body.extend(lines[model.0 + 1..model.1].iter().filter(kept));
            for (number, line) in lines.iter().enumerate() {
                match number {
                    _ if number == model.0 => {
                        out.push(line);
                        out.append(&mut body);
                    }
                    _ if inside(model, number) || inside(candidate, number) => {}
                    _ => out.push(line),
                }
            }
        }
        None => {
            out.extend(&lines[..candidate.0]);
            out.push("[model]");
            out.append(&mut body);
            out.extend(&lines[candidate.1..]);
        }
    }
    let after = out.join("\n") + "\n";
    let read: Raw = toml::from_str(&after).map_err(|_| BY_HAND)?;
    let taken = (read.model.name == shadow.name) && (read.model.file == shadow.file) && read.shadow.is_none();
    if taken && read.cameras.len() == before.cameras.len() { Ok(after) } else { Err(BY_HAND.into()) }
}

/// The file without the candidate.
///
/// # Errors
/// As [`promote`].
pub fn discard(text: &str) -> Result<String, String> {
    let before: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if before.shadow.is_none() {
        return Err(NO_SHADOW.into());
    }
    let lines: Vec<&str> = text.lines().collect();
    let candidate = section(&lines, "shadow").ok_or(BY_HAND)?;
    let kept: Vec<&str> =
        lines.iter().enumerate().filter(|(number, _)| !inside(candidate, *number)).map(|(_, line)| *line).collect();
    let after = kept.join("\n") + "\n";
    let read: Raw = toml::from_str(&after).map_err(|_| BY_HAND)?;
    if read.shadow.is_none() && read.cameras.len() == before.cameras.len() { Ok(after) } else { Err(BY_HAND.into()) }
}

const NO_SHADOW: &str = "there is no candidate: the configuration has no [shadow] table";
const BY_HAND: &str = "the file is written in a way that this command does not know: write the candidate's keys into \
                       [model] and take [shadow] out by hand, then run yiwang-gateway reload";

/// First line of a table and the first line behind it. Comments and empty lines at its end belong to the next one.
fn section(lines: &[&str], table: &str) -> Option<(usize, usize)> {
    let from = lines.iter().position(|line| header(line) == Some(table))?;
    let next = (from + 1..lines.len()).find(|&number| header(lines[number]).is_some()).unwrap_or(lines.len());
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let to = (from + 1..next).rev().find(|&number| !is_blank(lines[number])).map_or(from + 1, |last| last + 1);
    Some((from, to))
}

fn inside((from, to): (usize, usize), number: usize) -> bool {
    (from..to).contains(&number)
}

/// The top table that a line opens, or opens a part of.
fn header(line: &str) -> Option<&'static str> {
    let name = line.trim_start().strip_prefix('[')?.trim_start_matches('[').trim_start();
    TABLES.iter().copied().find(|table| {
        name.strip_prefix(table).is_some_and(|rest| matches!(rest.trim_start().chars().next(), Some(']' | '.')))
    })
}

/// The key that a line sets.
fn key(line: &str) -> &str {
    line.split_once('=').map_or("", |(key, _)| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nstate_dir = 'x'\n\n[model]\nname = \"old\"\n# two at night\nthreads = 2\n\n\
                        # tried since Monday\n[shadow]\nfile = \"new.onnx\"\nfamily = \"yolox\"\nclasses = [\n  \"person\",\n]\n\
                        cores_max = 0.2\n\n# the yard\n[[camera]]\nid = 'a'\nurl = 'rtsp://h/a'\n[[camera.rule]]\n\
                        kind = 'intrusion'\nzone = [\n[0.1, 0.2],\n[1, 0], [1, 1]]\n";

    #[test]
    fn a_candidate_takes_the_models_place_and_the_rest_of_the_file_stays() {
        let promoted = promote(FILE).unwrap();
        let expected = FILE
            .replace(
                "name = \"old\"\n# two at night\nthreads = 2\n",
                "file = \"new.onnx\"\nfamily = \"yolox\"\nclasses = [\n  \"person\",\n]\n# two at night\nthreads = 2\n",
            )
            .replace(
                "[shadow]\nfile = \"new.onnx\"\nfamily = \"yolox\"\nclasses = [\n  \"person\",\n]\ncores_max = 0.2\n",
                "",
            );
        assert_eq!(promoted, expected);
        let discarded = discard(FILE).unwrap();
        assert!(discarded.contains("name = \"old\"") && !discarded.contains("new.onnx"), "{discarded}");
        assert!(discarded.contains("# the yard\n[[camera]]"));
        for gone in [promoted, discarded] {
            assert!(promote(&gone).unwrap_err().contains("no [shadow]") && discard(&gone).is_err());
        }
        let default = promote("[shadow]\nname = 'y'\ncores_max = 1\n[admin]\nlisten = '127.0.0.1:1'\n").unwrap();
        assert_eq!(default, "[model]\nname = 'y'\n[admin]\nlisten = '127.0.0.1:1'\n");
    }

    #[test]
    fn what_it_cannot_change_it_leaves_to_the_person() {
        let inline = "shadow = { name = 'y' }\n";
        assert!(promote(inline).unwrap_err().contains("by hand"));
        assert!(discard(inline).unwrap_err().contains("by hand"));
    }
}
