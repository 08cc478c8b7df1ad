//! A request's body: read within its limits, and inflated within them (RFC 9110 section 8.4.1.3).
//!
//! Invariants: nothing is held beyond the limit of one body and that of all together; a small body cannot become a large
//! one without end.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::fault::Fault;

/// What memory is counted in.
const UNIT: usize = 16 << 10;
/// Octets that any compressed body may become.
const FREE_INFLATION: usize = 1 << 20;

/// Memory for the bodies of all requests.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// Memory that a body holds; given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>, usize);

impl Memory {
    pub fn new(octets: usize) -> Self {
        Self(Arc::new(Semaphore::new((octets / UNIT).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Makes `held` hold this many octets.
    fn grow(&self, held: &mut Held, octets: usize) -> Result<(), Fault> {
        let units = octets.div_ceil(UNIT);
        let Some(more) = units.checked_sub(held.1).filter(|more| *more > 0) else { return Ok(()) };
        let more_units = u32::try_from(more).map_err(|_| too_large(octets))?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(more_units).map_err(|_| Fault::busy())?;
        match &mut held.0 {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        held.1 = units;
        Ok(())
    }
}

/// Reads a body whole.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limits: &Limits,
    memory: &Memory,
) -> Result<(Bytes, Held), Fault> {
    let mut held = Held::default();
    let inflates = encoding(headers)?;
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: usize| declared > limits.body_octets_max) {
        return Err(too_large(limits.body_octets_max));
    }
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "the body ended before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        if octets.len() + data.len() > limits.body_octets_max {
            return Err(too_large(limits.body_octets_max));
        }
        memory.grow(&mut held, octets.len() + data.len())?;
        octets.extend_from_slice(&data);
    }
    match inflates {
        false => Ok((octets.into(), held)),
        true => inflate(&octets, limits, memory),
    }
}

/// True for gzip; an error for what is not known.
fn encoding(headers: &HeaderMap) -> Result<bool, Fault> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(false) };
    match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this content encoding is not known")
            .at("content-encoding")
            .help("send the body as it is, or with gzip")),
    }
}

fn inflate(packed: &[u8], limits: &Limits, memory: &Memory) -> Result<(Bytes, Held), Fault> {
    let of_ratio = packed.len().saturating_mul(limits.inflation_max).max(FREE_INFLATION);
    let most = of_ratio.min(limits.body_octets_max);
    let mut reader = MultiGzDecoder::new(packed);
    let (mut octets, mut held) = (Vec::new(), Held::default());
    let mut piece = [0; UNIT];
    loop {
        let count = reader.read(&mut piece).map_err(|_| {
            Fault::new(StatusCode::BAD_REQUEST, "the body is not gzip, or was cut off").at("content-encoding")
        })?;
        if count == 0 {
            return Ok((octets.into(), held));
        }
        if octets.len() + count > most {
            return Err(too_large(most).help("the body inflates to more than that"));
        }
        memory.grow(&mut held, octets.len() + count)?;
        octets.extend_from_slice(&piece[..count]);
    }
}

fn too_large(most: usize) -> Fault {
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a request's body has at most {most} octets here"))
        .help("send several requests; link to large files instead")
}
