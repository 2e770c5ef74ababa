//! What becomes of unfinished files when a signal ends the process.

/// Has signals that end the process remove its unfinished files first; then it ends by that very
/// signal, as it would have. A write beyond the limit of a file's size becomes an error. Where
/// there are not even the means for this, signals do what they always do.
#[cfg(unix)]
pub fn watch() {
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, mpsc};

    use signal_hook::consts::SIGXFSZ;
    use signal_hook::iterator::Signals;
    use signal_hook::{flag, low_level};

    // Whoever handles it gets the error from the write itself.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let (ready, is_ready) = mpsc::channel::<()>();
    let watching = move || {
        let Ok(mut signals) = Signals::new(ending()) else { return };
        drop(ready);
        for signal in signals.forever() {
            crate::files::remove_pending();
            let _ = low_level::emulate_default_handler(signal);
        }
    };
    // Its stack holds next to nothing.
    let thread = std::thread::Builder::new().name("signals".into()).stack_size(128 << 10);
    if thread.spawn(watching).is_ok() {
        // Nothing is sent: the end of the channel says that it watches, or cannot.
        let _ = is_ready.recv();
    }
}

/// Elsewhere signals do what they always do.
#[cfg(not(unix))]
pub fn watch() {}

/// The signals that end a process and give it the time to say something, but for those that the
/// process was started to ignore, as `nohup` has it and a shell for what runs in its background.
#[cfg(unix)]
fn ending() -> Vec<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};
    let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU];
    match std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(ignored) {
        Some(mask) => all.into_iter().filter(|signal| mask >> (signal - 1) & 1 == 0).collect(),
        // Where nobody says what is ignored, only those that hardly anything is started to ignore.
        None => vec![SIGINT, SIGTERM],
    }
}

/// The signals that a process ignores, by what Linux says of it: a bit for each, from 1.
#[cfg(unix)]
fn ignored(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_found() {
        let status = "Name:\thardmax\nSigBlk:\t0\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\thardmax\n"), None);
    }
}
