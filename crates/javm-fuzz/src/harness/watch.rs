//! Says which input it is that takes long. Nothing fails by it: how long is too long, whoever waits decides.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an input may take before it is spoken of. They take well below a millisecond.
const LONG: Duration = Duration::from_secs(20);

struct Running {
    since: Instant,
    bytes: Vec<u8>,
    folder: PathBuf,
}

/// Looks at what is running now and then, until it is dropped.
pub(super) struct Watch {
    running: Arc<Mutex<Option<Running>>>,
    /// Its end ends the thread.
    _alive: Sender<()>,
}

impl Watch {
    pub fn new(target: &'static str) -> Watch {
        let running: Arc<Mutex<Option<Running>>> = Arc::default();
        let (alive, ended) = channel::<()>();
        let watched = running.clone();
        thread::spawn(move || {
            while ended.recv_timeout(LONG / 4) == Err(RecvTimeoutError::Timeout) {
                let mut running = watched.lock().unwrap_or_else(PoisonError::into_inner);
                // Taken out, so that each is spoken of once.
                if let Some(found) = running.take_if(|running| running.since.elapsed() > LONG) {
                    let path = super::write(&found.folder, "slow", &found.bytes);
                    eprintln!("{target}: an input takes longer than {} s: {path}", LONG.as_secs());
                }
            }
        });
        Watch { running, _alive: alive }
    }

    pub fn begin(&self, bytes: &[u8], folder: &Path) {
        let running = Running { since: Instant::now(), bytes: bytes.to_vec(), folder: folder.to_path_buf() };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    pub fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
