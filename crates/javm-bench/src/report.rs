//! Results, for people and for machines.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::measure::Times;

/// One result with those of its peers.
pub struct Line {
    /// Group and workload: `exec/sieve`.
    pub name: String,
    /// The unit of all times: `ns`, or `ns` an instruction.
    pub unit: &'static str,
    /// Nub's.
    pub nub: Times,
    /// The others', by their names.
    pub peers: Vec<(&'static str, Times)>,
    /// What people should know of it.
    pub note: String,
}

impl Line {
    /// The median of a peer, if it ran.
    fn of_peer(&self, name: &str) -> Option<f64> {
        self.peers.iter().find(|(peer, _)| *peer == name).map(|(_, times)| times.median)
    }

    fn object(&self, arch: &str) -> Value {
        let peers: Map<String, Value> =
            self.peers.iter().map(|(name, times)| ((*name).to_string(), json!(rounded(times.median)))).collect();
        json!({
            "name": self.name,
            "arch": arch,
            "engine": "interpreter",
            "unit": self.unit,
            "median": rounded(self.nub.median),
            "p10": rounded(self.nub.p10),
            "p90": rounded(self.nub.p90),
            "peers": peers,
        })
    }
}

/// A tenth is as much as the clock can mean.
fn rounded(time: f64) -> f64 {
    (time * 10.0).round() / 10.0
}

/// Prints results as they come.
pub struct Report {
    json: bool,
    arch: &'static str,
    peers: &'static [&'static str],
    /// For each peer the logarithms of how many times as long it takes.
    ratios: Vec<Vec<f64>>,
}

impl Report {
    /// Of results of nub on this machine beside these peers; the heading of the table if people read it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn start(json: bool, arch: &'static str, peers: &'static [&'static str]) -> io::Result<Report> {
        if !json {
            let mut heading = format!("{:<28} {:>10} {:>10} {:>10}", "", "nub", "p10", "p90");
            for peer in peers {
                heading.push_str(&format!(" {peer:>20} {:>6}", "ratio"));
            }
            writeln!(io::stdout(), "{heading}")?;
        }
        Ok(Report { json, arch, peers, ratios: vec![Vec::new(); peers.len()] })
    }

    /// A result that counts in the means.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        for (name, ratios) in self.peers.iter().zip(&mut self.ratios) {
            ratios.extend(line.of_peer(name).map(|median| (median / line.nub.median).ln()));
        }
        self.aside(line)
    }

    /// A result to read others by.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn aside(&self, line: &Line) -> io::Result<()> {
        if self.json {
            return writeln!(io::stdout(), "{}", line.object(self.arch));
        }
        let Times { median, p10, p90 } = line.nub;
        let mut text = format!("{:<28} {:>10} {:>10} {:>10}", line.name, time(median), time(p10), time(p90));
        for peer in self.peers {
            match line.of_peer(peer) {
                Some(theirs) => text.push_str(&format!(" {:>20} {:>6.2}", time(theirs), theirs / median)),
                None => text.push_str(&format!(" {:>20} {:>6}", "-", "-")),
            }
        }
        let unit = if line.unit == "ns" { "" } else { line.unit };
        writeln!(io::stdout(), "{}", format!("{text}  {unit}{}", line.note).trim_end())
    }

    /// The geometric means of how many times as long each peer takes.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn finish(self) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        for (peer, ratios) in self.peers.iter().zip(&self.ratios).filter(|(_, ratios)| !ratios.is_empty()) {
            let mean = (ratios.iter().sum::<f64>() / ratios.len() as f64).exp();
            let (count, least) = (ratios.len(), ratios.iter().copied().fold(f64::INFINITY, f64::min).exp());
            writeln!(io::stdout(), "geometric mean of {count} ratios, {peer} / nub: {mean:.2}, the lowest {least:.2}")?;
        }
        Ok(())
    }
}

/// Nanoseconds in the unit that reads best.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        _ if nanoseconds < 1e4 => format!("{nanoseconds:.1} ns"),
        _ if nanoseconds < 1e7 => format!("{:.1} µs", nanoseconds / 1e3),
        _ => format!("{:.1} ms", nanoseconds / 1e6),
    }
}
