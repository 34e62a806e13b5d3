//! A tar archive (POSIX.1-1988, `ustar`) of a few files that are held in memory: headers and padding, nothing is compressed
//! or copied. Written here because it is one block of fixed shape.

use axum::body::Bytes;

const BLOCK: usize = 512;

/// The archive in pieces, ready to be sent. `at_s` is every file's time, seconds since 1970.
///
/// Names are at most 100 bytes long and a file below 8 GiB: both are given by the hub itself.
pub(super) fn archive(files: Vec<(&str, Bytes)>, at_s: u64) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(3 * files.len() + 1);
    for (name, content) in files {
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        pieces.push(Bytes::copy_from_slice(&header(name, content.len(), at_s)));
        pieces.push(content);
        pieces.push(Bytes::from(vec![0; padding]));
    }
    // Two empty blocks end it.
    pieces.push(Bytes::from(vec![0; 2 * BLOCK]));
    pieces
}

fn header(name: &str, bytes: usize, at_s: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &name[..name.len().min(100)]);
    put(100, "0000444\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, &format!("{:011o}\0", at_s & 0x1_ffff_ffff));
    // The sum is taken over the header with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn another_program_reads_the_files_as_they_went_in() {
        let content: Vec<u8> = (0..1500u32).map(|n| n as u8).collect();
        let files = vec![("a.json", Bytes::from_static(b"{}")), ("b.bin", Bytes::from(content.clone()))];
        let whole = archive(files, 1_700_000_000).concat();
        assert_eq!(whole.len() % BLOCK, 0);
        for (name, expected) in [("a.json", b"{}".to_vec()), ("b.bin", content)] {
            let mut tar = Command::new("tar")
                .args(["-xOf", "-", name])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("every system has tar");
            tar.stdin.take().unwrap().write_all(&whole).unwrap();
            assert_eq!(tar.wait_with_output().unwrap().stdout, expected);
        }
    }
}
