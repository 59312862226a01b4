//! What a process cost, and how disturbed the machine was, from `/proc`.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// What all threads of one process have used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Nanoseconds on a processor, by the scheduler's own account.
    pub cpu_ns: u64,
    /// Switches because a thread waited.
    pub voluntary: u64,
    /// Switches because another thread came.
    pub involuntary: u64,
}

impl Usage {
    /// Reads it for `pid`. Threads that have ended are not in it, so a server must keep its
    /// threads.
    ///
    /// # Errors
    ///
    /// The process is gone, or `/proc` is not there.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between listing and reading.
            let Ok(usage) = Self::of_task(&entry?.path()) else { continue };
            sum.cpu_ns += usage.cpu_ns;
            sum.voluntary += usage.voluntary;
            sum.involuntary += usage.involuntary;
        }
        Ok(sum)
    }

    fn of_task(task: &Path) -> io::Result<Self> {
        let schedstat = fs::read_to_string(task.join("schedstat"))?;
        let status = fs::read_to_string(task.join("status"))?;
        Ok(Self {
            cpu_ns: first_number(&schedstat),
            voluntary: named_number(&status, "voluntary_ctxt_switches:"),
            involuntary: named_number(&status, "nonvoluntary_ctxt_switches:"),
        })
    }

    /// What came on top of `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
            involuntary: self.involuntary.saturating_sub(earlier.involuntary),
        }
    }
}

/// Processor time of the whole machine so far, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticks {
    steal: u64,
    total: u64,
}

impl Ticks {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// `/proc` is not there.
    pub fn read() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/stat")?))
    }

    fn parse(stat: &str) -> Self {
        let fields: Vec<u64> = stat
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .filter_map(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal; guest time is inside user.
        Self {
            steal: fields.get(7).copied().unwrap_or_default(),
            total: fields.iter().take(8).sum(),
        }
    }

    /// The share of all time since `earlier` that the host took away.
    #[must_use]
    pub fn steal_since(self, earlier: Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total).max(1);
        self.steal.saturating_sub(earlier.steal) as f64 / total as f64
    }
}

/// Microseconds in which some thread of the machine waited for a processor. `None` where the kernel
/// does not count it.
///
/// The kernel's own averages reach ten seconds back, into the slice before; the counter gives this
/// slice alone.
#[must_use]
pub fn pressure_micros() -> Option<u64> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let line = text.lines().find(|line| line.starts_with("some"))?;
    line.split_whitespace().find_map(|field| field.strip_prefix("total=")?.parse().ok())
}

/// The number of processors.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Binds this thread, and those it starts, to one core. Without that core (or right) it stays free.
pub fn pin(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    if core < cores_online() {
        set.set(core);
        let _ = rustix::thread::sched_setaffinity(None, &set);
    }
}

fn cores_online() -> usize {
    fs::read_to_string("/proc/cpuinfo")
        .map_or(1, |text| text.lines().filter(|line| line.starts_with("processor")).count())
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or_default()
}

fn named_number(text: &str, name: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(name)).map_or(0, first_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_usage_of_its_thread() {
        // This thread alone: other tests come and go, and their time with them.
        let task = Path::new("/proc/thread-self");
        let before = Usage::of_task(task).unwrap();
        let mut sum = 0_u64;
        for round in 0..20_000_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(round));
        }
        let used = Usage::of_task(task).unwrap().since(before);
        assert!(used.cpu_ns > 1_000_000, "{used:?}");
    }

    #[test]
    fn steal_is_a_share_of_all_ticks() {
        let before = Ticks::parse("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1");
        let after = Ticks::parse("cpu  150 0 150 890 0 0 0 10 5 5\n");
        assert!((after.steal_since(before) - 0.05).abs() < 1e-9);
    }
}
