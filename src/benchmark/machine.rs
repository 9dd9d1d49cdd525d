//! The machine that measures.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::project::reports::Machine;

/// The facts about this machine that a latency depends on, and this program's version.
pub fn machine() -> Machine {
    let kind =
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind);
    let version = env!("CARGO_PKG_VERSION");
    // What is built for debugging runs several times slower, and must not be compared.
    let trestle = if cfg!(debug_assertions) { format!("{version}, debug build") } else { version.to_owned() };
    Machine {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processor: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        n_processors: u32::try_from(system.cpus().len()).unwrap_or(u32::MAX),
        memory_bytes: system.total_memory(),
        trestle,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_has_processors_and_memory() {
        let machine = super::machine();
        assert!(0 < machine.n_processors && 1 << 24 < machine.memory_bytes, "{machine:?}");
        assert!(machine.is_same(&super::machine()));
    }
}
