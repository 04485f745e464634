//! The demo's tariff: the more a region uses, the dearer a kWh.
//!
//! Promises that the file which the control centre reads and the prices that the demo expects come from one table. How the
//! control centre reads it is left to that.
//!
//! **Privacy.** Knows regional totals only.

use gridveil_primitives::Price;

/// Up to how many watt-hours of a region in a period which price holds, in millionths of a pound per kWh.
const STEPS: [(i64, Price); 4] = [
    (1_500, 39_900),
    (3_000, 117_600),
    (5_000, 250_000),
    (1_000_000, 672_000),
];
/// The price beyond the last step, and the highest.
const CAP: Price = 672_000;

/// The file that the control centre is given.
pub fn file() -> String {
    let steps = STEPS.map(|(up_to, price)| format!("    {{ up_to_wh = {up_to}, price = {price} }},\n"));
    format!("kind = \"supply_curve\"\ncap = {CAP}\nsteps = [\n{}]\n", steps.concat())
}

/// The price of a period in which a region used this many watt-hours.
pub fn price(energy: i64) -> Price {
    STEPS
        .iter()
        .find(|(up_to, _)| energy <= *up_to)
        .map_or(CAP, |(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_holds_up_to_its_last_watt_hour() {
        assert_eq!(
            [0, 1_500, 1_501, 5_000, 5_001].map(price),
            [39_900, 39_900, 117_600, 250_000, 672_000]
        );
        assert_eq!(price(2_000_000), CAP);
        assert_eq!(price(-1), 39_900);
    }

    #[test]
    fn the_file_has_every_step() {
        let file: toml::Table = file().parse().unwrap();
        let steps = file["steps"].as_array().unwrap();
        assert_eq!(steps.len(), STEPS.len());
        for (step, (up_to, price)) in steps.iter().zip(STEPS) {
            assert_eq!(step["up_to_wh"].as_integer(), Some(up_to));
            assert_eq!(step["price"].as_integer(), i64::try_from(price).ok());
        }
        assert_eq!(file["cap"].as_integer(), i64::try_from(CAP).ok());
    }
}
