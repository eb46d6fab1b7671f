//! KVM.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicU8, Ordering};

use kvm_bindings::{
    CpuId, KVM_MAX_CPUID_ENTRIES, kvm_dtable, kvm_segment, kvm_userspace_memory_region, kvm_xcr, kvm_xcrs,
};
use kvm_ioctls::{Cap, Kvm, VcpuExit, VcpuFd, VmFd};
use nub_arch_x86_abi::trap::{KERNEL_CODE, KERNEL_DATA, TASK_STATE, USER_CODE, USER_DATA};
use vmm_sys_util::signal;

use crate::error::{Error, Missing};
use crate::hypervisor::{Exit, Hypervisor, Kicker, Machine, Place, Processor, Region, Start};

fn refused(what: &'static str) -> impl FnOnce(kvm_ioctls::Error) -> Error {
    move |error| Error::Refused { what, error: error.into() }
}

/// KVM, open.
pub(crate) struct KvmHypervisor(Kvm);

/// Opens KVM, if this machine has one that can be used.
pub(crate) fn open() -> Result<KvmHypervisor, Missing> {
    let kvm = Kvm::new().map_err(|error| not_open(error.into()))?;
    let version = kvm.get_api_version();
    // No device but this one has such a request.
    if version < 0 {
        return Err(Missing::NotKvm(file_at(Path::new(DEVICE))));
    }
    is_enough(version, |capability| kvm.check_extension(capability))?;
    Ok(KvmHypervisor(kvm))
}

/// Where the device is.
const DEVICE: &str = "/dev/kvm";

/// What a file is, in words.
fn file_at(path: &Path) -> String {
    let about = match std::fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return format!("a file that cannot be looked at ({error})"),
    };
    let kind = about.file_type();
    let device = || format!("{}:{}", libc::major(about.rdev()), libc::minor(about.rdev()));
    if kind.is_char_device() {
        format!("the character device {}", device())
    } else if kind.is_block_device() {
        format!("the block device {}", device())
    } else if kind.is_dir() {
        "a folder".into()
    } else if kind.is_file() {
        format!("a file of {} bytes", about.len())
    } else {
        "no device at all".into()
    }
}

/// What it means that the device cannot be opened.
fn not_open(error: io::Error) -> Missing {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Missing::Device,
        Some(libc::EACCES | libc::EPERM) => Missing::Permission,
        _ => Missing::Open(error),
    }
}

/// What it means that there can be no virtual machine: where this process or the system has none of something left, KVM is
/// not to blame.
fn not_made(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Error::Refused { what: "make a virtual machine", error },
        _ => Missing::Machine(error).into(),
    }
}

/// What has to be there, in words.
const NEEDED: [(Cap, &str); 4] = [
    (Cap::UserMemory, "memory of the process as the guest's (KVM_CAP_USER_MEMORY)"),
    (Cap::ImmediateExit, "stopping a processor before it runs (KVM_CAP_IMMEDIATE_EXIT)"),
    (Cap::ExtCpuid, "setting what CPUID says (KVM_CAP_EXT_CPUID)"),
    (Cap::SetTssAddr, "placing its task state segment (KVM_CAP_SET_TSS_ADDR)"),
];

/// Whether a KVM of this version, with what `has` says, can be used.
fn is_enough(version: i32, has: impl Fn(Cap) -> bool) -> Result<(), Missing> {
    if version != 12 {
        return Err(Missing::Version(version));
    }
    match NEEDED.into_iter().find(|&(capability, _)| !has(capability)) {
        Some((_, name)) => Err(Missing::Capability(name)),
        None => Ok(()),
    }
}

impl Hypervisor for KvmHypervisor {
    type Machine = KvmMachine;

    fn create(&self) -> Result<KvmMachine, Error> {
        let vm = loop {
            match self.0.create_vm() {
                Ok(vm) => break vm,
                // A signal arrived meanwhile.
                Err(error) if error.errno() == libc::EINTR => {}
                Err(error) => return Err(not_made(error.into())),
            }
        };
        // Intel's processors need a place for pages of KVM's own, below 4 GiB and away from memory where possible.
        const TASK_STATE_PAGES: usize = 0xfffb_d000;
        vm.set_tss_address(TASK_STATE_PAGES).map_err(refused("place its task state segment"))?;
        let cpuid = self.0.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(refused("say what CPUID may say"))?;
        let has_xsave = cpuid.as_slice().iter().any(|entry| entry.function == 1 && entry.ecx & 1 << 26 != 0);
        Ok(KvmMachine { vm: Arc::new(vm), memory: None, cpuid, has_xsave })
    }
}

/// A virtual machine of KVM's.
pub(crate) struct KvmMachine {
    vm: Arc<VmFd>,
    memory: Option<Region>,
    cpuid: CpuId,
    has_xsave: bool,
}

impl Machine for KvmMachine {
    type Processor = KvmProcessor;

    fn map(&mut self, memory: Region) -> Result<(), Error> {
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: memory.physical,
            memory_size: memory.size,
            userspace_addr: memory.host,
        };
        // SAFETY: the region's holder keeps the memory there; the machine and its processors all hold on to it. It is the
        // guest's.
        unsafe { self.vm.set_user_memory_region(region) }.map_err(refused("take the guest's memory"))?;
        self.memory = Some(memory);
        Ok(())
    }

    fn processor(&self, number: usize) -> Result<KvmProcessor, Error> {
        let vcpu = self.vm.create_vcpu(number as u64).map_err(refused("make a processor"))?;
        vcpu.set_cpuid2(&self.cpuid).map_err(refused("take what CPUID says"))?;
        Ok(KvmProcessor { vcpu, has_xsave: self.has_xsave, _vm: self.vm.clone(), _memory: self.memory.clone() })
    }
}

/// A processor of KVM's.
pub(crate) struct KvmProcessor {
    vcpu: VcpuFd,
    has_xsave: bool,
    // Dropped after the processor.
    _vm: Arc<VmFd>,
    _memory: Option<Region>,
}

/// The bits of the control registers that the kernel runs with.
mod control {
    /// Protected mode, coprocessor, extension type, native errors, write protection in ring 0 too, paging.
    pub(super) const CR0: u64 = 1 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 31;
    /// Long page tables, SSE and its exceptions.
    pub(super) const CR4: u64 = 1 << 5 | 1 << 9 | 1 << 10;
    /// XSAVE.
    pub(super) const CR4_OSXSAVE: u64 = 1 << 18;
    /// Long mode enabled and active, pages that do not execute.
    pub(super) const EFER: u64 = 1 << 8 | 1 << 10 | 1 << 11;
    /// The flags' fixed bit.
    pub(super) const FLAGS: u64 = 1 << 1;
    /// Ports may be used from ring 3. Besides the permission map of the task state segment: hosts that emulate ring 0 lose
    /// these flags and keep to the map, and emulated processors take no map from a task state segment that is in use.
    pub(super) const FLAGS_PORTS: u64 = 3 << 12;
}

impl KvmProcessor {
    fn set_system_registers(&self, start: &Start, xsave: bool) -> Result<(), Error> {
        let mut registers = self.vcpu.get_sregs().map_err(refused("say its registers"))?;
        let (code, data, ring) = if start.user { (USER_CODE, USER_DATA, 3) } else { (KERNEL_CODE, KERNEL_DATA, 0) };
        let segment = |selector, kind, dpl| kvm_segment {
            base: 0,
            limit: 0xffff_ffff,
            selector,
            type_: kind,
            present: 1,
            dpl,
            db: 0,
            s: 1,
            l: 0,
            g: 1,
            avl: 0,
            unusable: 0,
            padding: 0,
        };
        registers.cs = kvm_segment { l: 1, ..segment(code, 11, ring) };
        let data = kvm_segment { db: 1, ..segment(data, 3, ring) };
        (registers.ss, registers.ds, registers.es) = (data, data, data);
        (registers.fs, registers.gs) = (data, data);
        registers.tr = kvm_segment {
            base: start.task.0,
            limit: u32::from(start.task.1),
            s: 0,
            g: 0,
            ..segment(TASK_STATE, 11, 0)
        };
        registers.ldt = kvm_segment { unusable: 1, present: 0, limit: 0, s: 0, g: 0, ..segment(0, 2, 0) };
        let table = |(base, limit)| kvm_dtable { base, limit, ..kvm_dtable::default() };
        registers.gdt = table(start.segments);
        registers.idt = table(start.interrupts);
        registers.cr0 = control::CR0;
        registers.cr3 = start.root;
        registers.cr4 = control::CR4 | if xsave { control::CR4_OSXSAVE } else { 0 };
        registers.efer = control::EFER;
        self.vcpu.set_sregs(&registers).map_err(refused("set its registers"))
    }
}

impl Processor for KvmProcessor {
    type Kicker = KvmKicker;

    fn start(&mut self, start: &Start) -> Result<(), Error> {
        let xsave = self.has_xsave && start.xcr0 != 0;
        self.set_system_registers(start, xsave)?;
        if xsave {
            let mut registers = kvm_xcrs { nr_xcrs: 1, ..kvm_xcrs::default() };
            registers.xcrs[0] = kvm_xcr { xcr: 0, value: start.xcr0, ..kvm_xcr::default() };
            self.vcpu.set_xcrs(&registers).map_err(refused("switch on its extended state"))?;
        }
        let mut registers = self.vcpu.get_regs().map_err(refused("say its registers"))?;
        registers.rip = start.instruction;
        registers.rsp = start.stack;
        registers.rdi = start.arguments[0];
        registers.rsi = start.arguments[1];
        registers.rflags = control::FLAGS | if start.user { control::FLAGS_PORTS } else { 0 };
        self.vcpu.set_regs(&registers).map_err(refused("set its registers"))
    }

    fn run(&mut self) -> Exit {
        let exit = match self.vcpu.run() {
            Ok(VcpuExit::IoOut(port, data)) => {
                let mut value = [0; 4];
                let length = data.len().min(4);
                value[..length].copy_from_slice(&data[..length]);
                Exit::Port(port, u32::from_le_bytes(value))
            }
            Ok(VcpuExit::Shutdown) => Exit::Shutdown,
            Ok(VcpuExit::Intr) => Exit::Kicked,
            Ok(VcpuExit::InternalError) => {
                // SAFETY: for this exit the union holds the details of an internal error.
                let details = unsafe { self.vcpu.get_kvm_run().__bindgen_anon_1.internal };
                let place = self.place();
                let is_ring_0 = self.vcpu.get_sregs().is_ok_and(|registers| registers.cs.selector & 3 == 0);
                let advice = if is_ring_0 { ". Privilege 'auto' or 'user' does without ring 0" } else { "" };
                Exit::Unexpected(format!(
                    "internal error {} at {:#x}: an instruction that KVM can neither run nor emulate here{advice}",
                    details.suberror, place.instruction
                ))
            }
            Ok(other) => Exit::Unexpected(format!("{other:?}")),
            Err(error) if error.errno() == libc::EINTR || error.errno() == libc::EAGAIN => Exit::Kicked,
            Err(error) => Exit::Unexpected(format!("KVM_RUN: {}", io::Error::from(error))),
        };
        if exit == Exit::Kicked {
            self.vcpu.set_kvm_immediate_exit(0);
        }
        exit
    }

    fn place(&self) -> Place {
        let fault_address = self.vcpu.get_sregs().map_or(0, |registers| registers.cr2);
        self.vcpu.get_regs().map_or_else(
            |_| Place { fault_address, ..Place::default() },
            |registers| Place { instruction: registers.rip, stack: registers.rsp, fault_address },
        )
    }

    fn kicker(&mut self) -> KvmKicker {
        static HANDLER: Once = Once::new();
        extern "C" fn ignore(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}
        // That the signal has a handler at all is what interrupts KVM_RUN.
        HANDLER.call_once(|| {
            let registered = signal::register_signal_handler(signal::SIGRTMIN() + KICK_SIGNAL, ignore);
            debug_assert!(registered.is_ok(), "the number is one of a real-time signal");
        });
        let flag = &raw mut self.vcpu.get_kvm_run().immediate_exit;
        debug_assert!(self.vcpu.as_raw_fd() >= 0);
        // SAFETY: asks for the calling thread's own handle.
        KvmKicker { flag: flag.cast(), thread: unsafe { libc::pthread_self() } }
    }
}

/// Which real-time signal, counted from the first, interrupts a processor's thread.
const KICK_SIGNAL: i32 = 3;

/// Makes a processor of KVM's stop. It must not be used once the processor's thread has ended: the thread takes it back
/// before ([`crate::processor`]).
pub(crate) struct KvmKicker {
    flag: *const AtomicU8,
    thread: libc::pthread_t,
}

// SAFETY: the flag is atomic, and a thread's handle may be used on any thread.
unsafe impl Send for KvmKicker {}

impl Kicker for KvmKicker {
    fn kick(&self) {
        // SAFETY: the processor lives, as promised, and with it the flag, which KVM reads and this writes at any time.
        unsafe { (*self.flag).store(1, Ordering::SeqCst) };
        // SAFETY: the thread lives, as promised; the signal has a handler.
        unsafe { libc::pthread_kill(self.thread, signal::SIGRTMIN() + KICK_SIGNAL) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_not_to_open_is_told_with_what_to_do() {
        let told = |number| not_open(io::Error::from_raw_os_error(number)).to_string();
        for number in [libc::ENOENT, libc::ENODEV, libc::ENXIO] {
            assert!(told(number).contains("no /dev/kvm: enable virtualization"), "{number}");
        }
        for number in [libc::EACCES, libc::EPERM] {
            assert!(told(number).contains("add the user to the group"), "{number}");
        }
        assert!(told(libc::EMFILE).contains("cannot open /dev/kvm: Too many open files"));
        let told = |number| not_made(io::Error::from_raw_os_error(number)).to_string();
        assert!(told(libc::EBUSY).contains("Another hypervisor may be using"));
        assert!(told(libc::EMFILE).starts_with("KVM refused to make a virtual machine: Too many open files"));
    }

    #[test]
    fn what_is_there_instead_is_told() {
        assert_eq!(file_at(Path::new("/dev/null")), "the character device 1:3");
        assert_eq!(file_at(Path::new("/")), "a folder");
        let file = file_at(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
        assert!(file.starts_with("a file of ") && file.ends_with(" bytes"), "{file}");
        assert!(file_at(Path::new("/no/such/file")).contains("cannot be looked at"));
    }

    #[test]
    fn what_a_kvm_lacks_is_told() {
        assert!(is_enough(12, |_| true).is_ok());
        for version in [11, 13, -1] {
            let error = is_enough(version, |_| true).expect_err("another interface").to_string();
            assert!(error.contains(&format!("version {version}; version 12 is needed")), "{error}");
        }
        for (lacking, name) in NEEDED {
            let lacking = lacking as u32;
            let error = is_enough(12, |capability| capability as u32 != lacking).expect_err("it lacks one");
            assert!(matches!(error, Missing::Capability(told) if told == name), "{error}");
        }
    }
}
