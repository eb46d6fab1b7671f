//! Many Instances of one Image: thousands here, `NUB_INSTANCES=1000000` a million.

use nub::cap::Capability;

use crate::tree::{Tree, image, loud};

#[test]
fn many_programs_of_one_image() {
    let asked = std::env::var("NUB_INSTANCES").ok();
    let count: u32 = asked.map_or(3000, |text| text.parse().expect("NUB_INSTANCES is a number"));
    let mut tree = Tree::new(loud("colony", [(20, Capability::Image(image("counter")))]));
    tree.gas = 10_000_000_000;
    let before = tree.nub.stats().expect("it answers").heap_used;
    let mut grown = 0;
    while grown < count {
        let more = (count - grown).min(100_000);
        grown = tree.call(&[], "grow", &(more,));
    }
    assert_eq!(grown, count);
    for number in [0, 1, 254, 255, count / 2, count - 1] {
        assert_eq!(tree.call::<_, u64>(&[], "add", &(number, u64::from(number) + 1)), u64::from(number) + 1);
    }
    // Each has its own total.
    assert_eq!(tree.call::<_, u64>(&[], "add", &(1_u32, 10_u64)), 12);
    assert_eq!(tree.call::<_, u64>(&[], "add", &(2_u32, 10_u64)), 10);
    assert_eq!(tree.refusal::<_, u64>(&[], "add", &(count, 1_u64)), "add failed: there are not so many");
    if let (Some(before), Some(after)) = (before, tree.nub.stats().expect("it answers").heap_used) {
        println!(
            "{count} Instances: {} bytes of the guest's heap each",
            after.saturating_sub(before) / u64::from(count)
        );
    }
}
