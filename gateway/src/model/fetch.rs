//! The bytes of a model: from a file or from a web server. Who calls holds their hash against what was promised.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Largest file that is taken, bytes: many times what runs on a camera's gateway.
const BYTES_MAX: u64 = 512 << 20;
/// How long a download may take altogether.
const DOWNLOAD_MAX: Duration = Duration::from_secs(900);
/// How long a server may take to answer at all.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// The model is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file.
    #[error("cannot read {path}: {source}. Give the path of an ONNX file, or an https address")]
    Read {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file that is no model.
    #[error("{path} has {bytes} bytes; a model has at most {BYTES_MAX}")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// How many.
        bytes: u64,
    },
    /// A server, or what is between.
    #[error(
        "cannot fetch {url}: {source}. Check the address and this machine's way to it, or fetch the file elsewhere and give its path"
    )]
    Download {
        /// Which.
        url: String,
        /// The cause.
        source: Box<ureq::Error>,
    },
}

/// Whether it is an address and not a path. Without TLS too, for a server inside a closed network: the hash vouches.
pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

/// All bytes of a file or of what an address serves.
pub(super) fn fetch(source: &str) -> Result<Vec<u8>, FetchError> {
    if is_url(source) {
        return download(source)
            .map_err(|error| FetchError::Download { url: source.to_owned(), source: Box::new(error) });
    }
    let path = PathBuf::from(source);
    let read = |source| FetchError::Read { path: path.clone(), source };
    let bytes = std::fs::metadata(&path).map_err(read)?.len();
    if bytes > BYTES_MAX {
        return Err(FetchError::TooLarge { path, bytes });
    }
    std::fs::read(&path).map_err(read)
}

fn download(url: &str) -> Result<Vec<u8>, ureq::Error> {
    let config = ureq::Agent::config_builder().timeout_global(Some(DOWNLOAD_MAX)).timeout_connect(Some(CONNECT_MAX));
    let mut response = ureq::Agent::new_with_config(config.build()).get(url).call()?;
    response.body_mut().with_config().limit(BYTES_MAX).read_to_vec()
}
