//! On which machine a measurement was made, as far as the system tells.

use std::num::NonZero;
use std::thread::available_parallelism;

use serde::Serialize;

/// What a reader of numbers wants to know of where they come from.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Extensions of the instruction set that the engines have code for, and the processor has.
    pub features: Vec<&'static str>,
    /// Main memory.
    pub memory_bytes: Option<u64>,
    /// The operating system, with the version of its kernel where it is known.
    pub system: String,
    /// What this binary was compiled for.
    pub target: &'static str,
}

impl Machine {
    /// The one at hand.
    pub fn here() -> Machine {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease");
        let kernel = kernel.map_or(String::new(), |release| format!(" {}", release.trim()));
        Machine {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: available_parallelism().map_or(1, NonZero::get),
            features: features(),
            memory_bytes: kibibytes("/proc/meminfo", "MemTotal"),
            system: format!("{}{kernel}", std::env::consts::OS),
            target: env!("HARDMAX_TARGET"),
        }
    }

    /// In a line, without the version of hardmax.
    pub fn sentence(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or("a processor that does not say its name");
        let plural = if self.cores == 1 { "" } else { "s" };
        let features = match &self.features[..] {
            [] => String::new(),
            features => format!(" with {}", features.join(", ")),
        };
        let Machine { cores, system, target, .. } = self;
        let memory = self.memory_bytes.map_or(String::new(), |bytes| {
            format!(", {:.1} GiB of memory", bytes as f64 / (1u64 << 30) as f64)
        });
        format!("{cpu}, {cores} core{plural}{features}{memory}, {system}, built for {target}")
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
    ];
    all.into_iter().filter(|feature| feature.1).map(|feature| feature.0).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

/// The highest that the memory of this process has been.
pub struct PeakMemory(());

impl PeakMemory {
    /// Begins anew, from what the process holds now. Only Linux lets a process do that.
    pub fn begin() -> Option<PeakMemory> {
        // By its documentation, 5 sets the mark back.
        std::fs::write("/proc/self/clear_refs", "5").ok().map(PeakMemory)
    }

    /// In bytes, since it began.
    pub fn bytes(&self) -> Option<u64> {
        kibibytes("/proc/self/status", "VmHWM")
    }
}

/// The first value of a key in a file of lines `key : value`.
fn field(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.map(|(name, value)| (name.trim(), value.trim())).find(|pair| pair.0 == key);
    value.map(|(_, value)| value.to_owned())
}

/// A value that stands there as `123 kB`, in bytes.
fn kibibytes(path: &str, key: &str) -> Option<u64> {
    let number: u64 = field(path, key)?.strip_suffix(" kB")?.parse().ok()?;
    number.checked_mul(1024)
}
