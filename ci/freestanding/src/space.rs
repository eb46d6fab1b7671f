//! The simplest address space there is: a map from page number to page. What a port to a new machine starts from.

use alloc::collections::BTreeMap;

use javm_cap::{Access, Data, PageRef};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};
use nub_kernel::{AddressSpace, Arch};

/// The machine.
pub struct Simplest;

impl Arch for Simplest {
    type Space = Space;
    const NAME: &'static str = "simplest";

    fn create_space(&mut self) -> Space {
        Space::default()
    }
}

#[derive(Clone)]
struct Mapped {
    /// The Data that was mapped, unless it was zeros.
    data: Option<Data>,
    /// Its page.
    original: PageRef,
    content: PageRef,
    access: Access,
    changed: bool,
}

impl Mapped {
    fn new(data: Option<Data>, original: PageRef, access: Access) -> Mapped {
        Mapped { data, content: original.clone(), original, access, changed: false }
    }
}

/// The memory of a program.
#[derive(Clone, Default)]
pub struct Space {
    pages: BTreeMap<u32, Mapped>,
}

impl Space {
    fn page(&mut self, address: u32) -> Result<&mut Mapped, Fault> {
        self.pages.get_mut(&(address / PAGE_SIZE)).ok_or(Fault::Page(address / PAGE_SIZE * PAGE_SIZE))
    }
}

impl Memory for Space {
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        let last = address.checked_add(N as u32 - 1).ok_or(Fault::Panic)?;
        if address < LOWEST_ADDRESS {
            return Err(Fault::Panic);
        }
        let mut value = [0; N];
        for (byte, address) in value.iter_mut().zip(address..=last) {
            *byte = self.page(address)?.content[(address % PAGE_SIZE) as usize];
        }
        Ok(value)
    }

    fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        self.load::<N>(address)?;
        let last = address + (N as u32 - 1);
        for address in [address, last] {
            if self.page(address)?.access != Access::ReadWrite {
                return Err(Fault::Page(address / PAGE_SIZE * PAGE_SIZE));
            }
        }
        for (byte, address) in value.into_iter().zip(address..=last) {
            let page = self.page(address)?;
            page.content.make_mut()[(address % PAGE_SIZE) as usize] = byte;
            page.changed = true;
        }
        Ok(())
    }
}

impl AddressSpace for Space {
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, access: Access) {
        for page in 0..pages {
            self.pages.remove(&(first_page + page));
            if offset + page < data.pages() {
                let content = data.page(offset + page).cloned().unwrap_or_else(PageRef::zeroed);
                self.pages.insert(first_page + page, Mapped::new(Some(data.clone()), content, access));
            }
        }
    }

    fn mapped(&self, page: u32) -> Option<&Data> {
        self.pages.get(&page)?.data.as_ref()
    }

    fn map_zero(&mut self, first_page: u32, pages: u32) {
        for page in first_page..first_page + pages {
            self.pages.insert(page, Mapped::new(None, PageRef::zeroed(), Access::ReadWrite));
        }
    }

    fn unmap(&mut self, first_page: u32, pages: u32) {
        self.pages.retain(|page, _| !(first_page..first_page + pages).contains(page));
    }

    fn set_access(&mut self, first_page: u32, pages: u32, access: Access) {
        for (_, mapped) in self.pages.range_mut(first_page..first_page + pages) {
            mapped.access = access;
        }
    }

    fn has_changed(&mut self) -> bool {
        self.pages.values().any(|mapped| mapped.changed)
    }

    fn changed_page(&mut self, page: u32) -> Option<PageRef> {
        self.pages.get(&page).filter(|mapped| mapped.changed).map(|mapped| mapped.content.clone())
    }

    fn set_page(&mut self, page: u32, content: PageRef) -> bool {
        let Some(mapped) = self.pages.get_mut(&page) else { return false };
        mapped.content = content;
        mapped.changed = true;
        true
    }

    fn withdraw(&mut self, first_page: u32, pages: u32, mut take: impl FnMut(u32, PageRef)) {
        for (&page, mapped) in self.pages.range_mut(first_page..first_page + pages) {
            if core::mem::take(&mut mapped.changed) {
                take(page, core::mem::replace(&mut mapped.content, mapped.original.clone()));
            }
        }
    }

    fn discard(&mut self, first_page: u32, pages: u32) {
        for (_, mapped) in self.pages.range_mut(first_page..first_page + pages) {
            mapped.content = mapped.original.clone();
            mapped.changed = false;
        }
    }

    fn fork(&mut self) -> Space {
        self.clone()
    }

    fn clear(&mut self) {
        self.pages.clear();
    }
}
