//! What a virtual machine costs on this machine.

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"))]
pub(super) use measured::{is_possible, measure};
use serde_json::{Map, Value, json};

use super::bench::time_text;
#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")))]
use super::failure::Failure;
use super::number;

/// What was measured. Times are in nanoseconds.
pub(super) struct GuestFigures {
    /// Why the kernel runs at its privilege.
    pub(super) why_privilege: String,
    /// By which code the kernel hashes.
    pub(super) hashing: &'static str,
    pub(super) boot: f64,
    /// Bytes that the host has had to find for a guest that has just started.
    pub(super) boot_memory: Option<u64>,
    pub(super) boot_parts: Vec<(&'static str, f64)>,
    /// Least, median, 99th and 99.9th percentile of requests that the guest answers at once.
    pub(super) round_trips: [f64; 4],
    /// The same of queries on another lane.
    pub(super) queries: Option<[f64; 4]>,
    pub(super) exits_per_call: f64,
    pub(super) exit: f64,
    pub(super) fault: f64,
    pub(super) copy_page: f64,
    /// How long host and guest look before they sleep.
    pub(super) spins: [f64; 2],
    /// Which part of a core an idle guest uses.
    pub(super) idle: Option<f64>,
}

/// Whether there can be a virtual machine here; if not, why.
#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")))]
pub(super) fn is_possible() -> Result<(), String> {
    Err(if cfg!(feature = "kvm") { "it is a part of Linux on x86-64" } else { "this program was built without it" }
        .into())
}

/// There is none in this build.
#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")))]
pub(super) fn measure(_: std::time::Duration) -> Result<Option<GuestFigures>, Failure> {
    Ok(None)
}

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"))]
mod measured {
    use std::path::Path;
    use std::time::Duration;

    use nub_host_kvm::figures::Figures;
    use nub_host_kvm::{Config, Error, Sandbox};

    use super::GuestFigures;
    use crate::command::bench;
    use crate::command::failure::Failure;

    /// Whether there can be a virtual machine here; if not, why.
    pub(in crate::command) fn is_possible() -> Result<(), String> {
        Sandbox::is_possible().map_err(|missing| missing.to_string())
    }

    /// Starts guests and measures them, calls for about `time`; `None` where there can be none.
    pub(in crate::command) fn measure(time: Duration) -> Result<Option<GuestFigures>, Failure> {
        let image = bench::empty_image()?;
        let measured =
            Sandbox::probe().and_then(|probe| Ok((probe, Figures::measure(&Config::default(), &image, &[0], time)?)));
        let (probe, figures) = match measured {
            Ok(measured) => measured,
            Err(Error::Missing(_)) => return Ok(None),
            Err(error) => return Err(Failure::malformed(Path::new("the virtual machine"), error)),
        };
        let parts = [0.0, 0.5, 0.99, 0.999];
        let [least, median, p99, p999] = parts.map(|part| figures.query_at(part));
        let queries =
            least.zip(median).zip(p99.zip(p999)).map(|((least, median), (p99, p999))| [least, median, p99, p999]);
        Ok(Some(GuestFigures {
            round_trips: parts.map(|part| figures.round_trip_at(part)),
            queries,
            why_privilege: probe.reason.clone(),
            hashing: figures.hashing.name(),
            boot: figures.boot,
            boot_memory: figures.boot_memory,
            boot_parts: figures.boot_parts,
            exits_per_call: figures.exits_per_call,
            exit: figures.exit,
            fault: figures.fault,
            copy_page: figures.copy_page,
            spins: [figures.host_spin, figures.guest_spin],
            idle: figures.idle,
        }))
    }
}

/// Two digits behind the point are more than any of these is repeatable to.
fn rounded(figure: f64) -> Value {
    json!((figure * 100.0).round() / 100.0)
}

impl GuestFigures {
    /// Adds them to what `--json` prints.
    pub(super) fn put(&self, object: &mut Map<String, Value>) {
        let parts = self.boot_parts.iter().map(|&(part, took)| (part.replace(' ', "_"), rounded(took)));
        object.insert("why_privilege".into(), self.why_privilege.clone().into());
        object.insert("hashing".into(), self.hashing.into());
        if let Some(bytes) = self.boot_memory {
            object.insert("boot_memory_bytes".into(), bytes.into());
        }
        for (key, figure) in [
            ("boot_ns", self.boot),
            ("exits_per_call", self.exits_per_call),
            ("exit_ns", self.exit),
            ("fault_ns", self.fault),
            ("copy_page_ns", self.copy_page),
            ("host_spin_ns", self.spins[0]),
            ("guest_spin_ns", self.spins[1]),
        ] {
            object.insert(key.into(), rounded(figure));
        }
        object.insert("boot_parts_ns".into(), Value::Object(parts.collect()));
        for (key, times) in [("round_trip_ns", Some(self.round_trips)), ("query_ns", self.queries)] {
            let Some(times) = times else { continue };
            let times = ["min", "p50", "p99", "p999"].into_iter().zip(times);
            let times = times.map(|(key, time)| (key.to_string(), rounded(time)));
            object.insert(key.into(), Value::Object(times.collect()));
        }
        if let Some(idle) = self.idle {
            object.insert("idle_cores".into(), json!((idle * 1e5).round() / 1e5));
        }
    }

    /// The same for people: label and text of each line.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let parts = self.boot_parts.iter().map(|(part, took)| format!("{part} {}", time_text(*took)));
        let [host, guest] = self.spins.map(time_text);
        let memory = self.boot_memory.map(|bytes| format!(", {} of memory touched", number::size(bytes)));
        let memory = memory.unwrap_or_default();
        let [least, median, p99, p999] = self.round_trips.map(time_text);
        let mut lines = vec![
            ("a round trip", format!("{median} to the guest and back, at least {least}, p99 {p99}, p99.9 {p999}")),
            ("privilege", self.why_privilege.clone()),
            ("hashing", self.hashing.into()),
            ("boot", format!("{} to the first reply{memory}", time_text(self.boot))),
            ("", parts.collect::<Vec<_>>().join(", ")),
            ("exits", format!("{:.4} a call, {} each", self.exits_per_call, time_text(self.exit))),
            ("a fault", time_text(self.fault)),
            ("a page copied", format!("{} in the guest", time_text(self.copy_page))),
            ("spinning", format!("a caller {host}, an idle lane {guest} before they sleep")),
        ];
        if let Some(queries) = self.queries {
            let [least, median, p99, p999] = queries.map(time_text);
            lines
                .insert(1, ("a query", format!("{median} on another lane, at least {least}, p99 {p99}, p99.9 {p999}")));
        }
        if let Some(idle) = self.idle {
            lines.push(("idle", format!("{:.2} % of a core", idle * 100.0)));
        }
        lines
    }
}
