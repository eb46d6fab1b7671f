//! What the threads of processors may ask of the system: to run their processor, to sleep and wake, to write the guest's
//! log to standard error, memory, and their own end. Everything else is refused.
//!
//! Whoever breaks out of the virtual machine into its thread finds no file, no network and no other program there.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// The requests of a processor's file: run; say its registers.
const IOCTLS: [u64; 3] = [0xae80, 0x8090_ae81, 0x8138_ae83];

/// What may be asked without conditions.
const ALLOWED: &[libc::c_long] = &[
    // Sleeping, waking, and looking at the clock where that is not done without the system.
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Signals: the kick, and the stack that the standard library gives each thread for them.
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    // The end: of the processor, of the thread, of a process that aborts.
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
];

fn filter() -> Result<BpfProgram, seccompiler::Error> {
    let only = |argument, value| -> Result<SeccompRule, seccompiler::Error> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
        Ok(SeccompRule::new(vec![condition])?)
    };
    let mut rules: BTreeMap<_, _> = ALLOWED.iter().map(|&call| (call, vec![])).collect();
    rules.insert(libc::SYS_ioctl, IOCTLS.into_iter().map(|request| only(1, request)).collect::<Result<_, _>>()?);
    let standard_error = || only(0, libc::STDERR_FILENO as u64);
    rules.insert(libc::SYS_write, vec![standard_error()?]);
    rules.insert(libc::SYS_writev, vec![standard_error()?]);
    // Refusing is enough, and a host outlives a C library that asks for something that is not in the list yet.
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, TargetArch::x86_64)?;
    Ok(filter.try_into()?)
}

/// Binds the calling thread to the filter, for ever, and to no new privileges.
///
/// # Errors
/// What the system said: one that was built without seccomp has none.
pub(crate) fn confine() -> Result<(), String> {
    static FILTER: OnceLock<Result<BpfProgram, String>> = OnceLock::new();
    let filter = FILTER.get_or_init(|| filter().map_err(|error| error.to_string())).as_ref()?;
    seccompiler::apply_filter(filter).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_thread_opens_no_file_and_starts_no_program() {
        let outcome = std::thread::spawn(|| {
            confine()?;
            let refused = |result: std::io::Result<()>| result.err().and_then(|error| error.raw_os_error());
            let files = refused(std::fs::read("/proc/self/status").map(drop));
            let sockets = refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop));
            let programs = refused(std::process::Command::new("true").status().map(drop));
            let bytes = vec![1u8; 1 << 20];
            Ok::<_, String>(([files, sockets, programs], bytes.len()))
        });
        let outcome = outcome.join().unwrap_or_else(|_| panic!("the thread panicked"));
        assert_eq!(outcome, Ok(([Some(libc::EPERM); 3], 1 << 20)));
    }
}
