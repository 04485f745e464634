//! The control centre: sets each region's price for each period, from the region's total and a tariff.
//!
//! The paper's phase 6 (dynamic pricing); DESIGN section 4, step 7. A [`tariff`] is configured, not compiled in;
//! [`run`] applies it to whatever the finalised chain has opened.
//!
//! **Privacy.** Honest but curious, the control centre sees totals of at least a region's minimum of meters and nothing
//! else.

pub mod price_list;
pub mod prices;
pub mod run;
pub mod tariff;
