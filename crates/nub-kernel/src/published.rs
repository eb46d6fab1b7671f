//! Images that programs may be made from.

use alloc::sync::Arc;

use javm_cap::{Image, ValidImage};
use javm_interpreter::Code;
use javm_isa::Mode;

/// An Image that was checked, with what running it needs. Instances of one Image share it.
pub(crate) struct Published {
    valid: ValidImage,
    code: Code,
}

impl Published {
    pub(crate) fn new(valid: ValidImage) -> Arc<Published> {
        let code = Code::new(valid.program(), Mode::Image, valid.image().cost_model);
        Arc::new(Published { valid, code })
    }

    pub(crate) fn valid(&self) -> &ValidImage {
        &self.valid
    }

    pub(crate) fn image(&self) -> &Image {
        self.valid.image()
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}
