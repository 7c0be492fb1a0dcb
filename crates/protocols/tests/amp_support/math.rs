// Commands that tests and examples call, and their server.

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sum {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Total {
    pub(crate) total: i64,
}

impl protocols::amp::Command for Sum {
    const NAME: &str = "Sum";
    type Response = Total;
    type Error = protocols::amp::NoError;
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Divide {
    pub(crate) numerator: i64,
    pub(crate) denominator: i64,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Quotient {
    pub(crate) result: f64,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename = "ZERO_DIVISION")]
pub(crate) struct ZeroDivision;

impl std::fmt::Display for ZeroDivision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("division by zero")
    }
}

impl std::error::Error for ZeroDivision {}

impl protocols::amp::CommandError for ZeroDivision {}

impl protocols::amp::Command for Divide {
    const NAME: &str = "Divide";
    type Response = Quotient;
    type Error = ZeroDivision;
}

pub(crate) fn server() -> reactor_compat::testing::StringTransport<protocols::amp::Amp> {
    let responders = protocols::amp::Responders::new()
        .function(|Sum { a, b }| Ok(Total { total: a + b }))
        .function(|Divide { numerator, denominator }| {
            if denominator == 0 {
                return Err(ZeroDivision.into());
            }
            Ok(Quotient { result: numerator as f64 / denominator as f64 })
        });
    reactor_compat::testing::StringTransport::new(protocols::amp::Amp::with_responders(&responders))
}
