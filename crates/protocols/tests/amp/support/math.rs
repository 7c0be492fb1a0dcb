//! Commands that tests and the documentation's examples call.

include!("math.in");
