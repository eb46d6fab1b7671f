//! The flags that choose the machine, the same for every command that runs programs.

use std::path::Path;

use clap::{Args, ValueEnum};
use nub::{ArchChoice, Builder, Nub, Privilege};

use super::failure::Failure;

/// On which machine programs run.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Machine {
    /// The machine that the kernel runs on
    #[arg(long, value_enum, default_value_t = ArchArgument::Auto, env = "NUB_ARCH")]
    arch: ArchArgument,
    /// At which privilege the kernel runs inside a virtual machine
    #[arg(long, value_enum, default_value_t = PrivilegeArgument::Auto, env = "NUB_PRIVILEGE")]
    privilege: PrivilegeArgument,
    /// Have the kernel inside a virtual machine say on standard error what it does besides calls
    #[arg(long, env = "NUB_GUEST_LOG")]
    guest_log: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ArchArgument {
    /// A virtual machine where that is possible, else this process
    Auto,
    /// This process
    Local,
    /// A virtual machine under KVM
    Kvm,
    /// Both: everything is done twice, and a difference is an error
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrivilegeArgument {
    /// The one that is faster on this computer
    Auto,
    /// Ring 0
    Supervisor,
    /// Ring 3
    User,
}

impl Machine {
    fn builder(self, arch: ArchArgument) -> Builder {
        let builder = Nub::builder().guest_log(self.guest_log).arch(match arch {
            ArchArgument::Auto => ArchChoice::Auto,
            ArchArgument::Local => ArchChoice::Local,
            ArchArgument::Kvm => ArchChoice::Kvm,
            ArchArgument::Both => ArchChoice::Both,
        });
        match self.privilege {
            PrivilegeArgument::Auto => builder,
            PrivilegeArgument::Supervisor => builder.privilege(Privilege::Supervisor),
            PrivilegeArgument::User => builder.privilege(Privilege::User),
        }
    }

    /// A kernel on it, for what `path` holds.
    pub(super) fn start(self, path: &Path) -> Result<Nub, Failure> {
        self.builder(self.arch).build().map_err(|error| Failure::nub(path, error))
    }

    /// A kernel on it whose calls are watched, which only those in this process can be.
    pub(super) fn start_watched(self, path: &Path) -> Result<Nub, Failure> {
        let arch = if self.arch == ArchArgument::Auto { ArchArgument::Local } else { self.arch };
        self.builder(arch).build().map_err(|error| Failure::nub(path, error))
    }
}

/// The machine of a kernel as people read it: `local`, `kvm-user`.
pub(super) fn name(nub: &Nub) -> String {
    match nub.privilege() {
        Some(privilege) => format!("{}-{}", nub.arch(), privilege.name()),
        None => nub.arch().into(),
    }
}

/// Why programs run in this process although nobody has asked for that.
pub(super) fn why_here(why: &nub::Error) -> String {
    let reason = match why {
        nub::Error::NoKvm(reason) => reason.clone(),
        other => other.to_string(),
    };
    format!("it ran in this process, as no virtual machine can be had: {reason} (`nub doctor` has more)")
}

/// The privilege of a kernel for machines: null in this process.
pub(super) fn privilege(nub: &Nub) -> Option<&'static str> {
    nub.privilege().map(Privilege::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_why_it_is_this_process() {
        let said = why_here(&nub::Error::NoKvm("there is no /dev/kvm".into()));
        assert!(
            said.contains("in this process") && said.contains("there is no /dev/kvm") && said.contains("nub doctor")
        );
        assert!(!said.contains('\n') && why_here(&nub::Error::NotStarted("why".into())).contains("why"));
    }
}
