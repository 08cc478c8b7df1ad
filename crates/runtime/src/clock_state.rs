//! Whether the machine's clock is kept in step, as the kernel knows from whoever does that (RFC 5905).

use std::time::Duration;

/// What the kernel says of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// A program keeps it in step.
    pub synchronised: bool,
    /// How far off it may be at most, as that program estimates.
    pub error_max: Duration,
}

/// Asks the kernel; changes nothing.
///
/// # Errors
/// When the kernel does not say, as in some sandboxes.
pub fn clock_state() -> std::io::Result<ClockState> {
    // SAFETY: all zeros is a valid value of this plain struct, and with `modes` zero the kernel only fills it in.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    if state < 0 {
        return Err(std::io::Error::last_os_error());
    }
    let synchronised = state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0;
    let error_max = Duration::from_micros(u64::try_from(timex.maxerror).unwrap_or(0));
    Ok(ClockState { synchronised, error_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        // Whatever it says of this machine's clock, an error that is not bounded is not in step.
        if let Ok(state) = clock_state() {
            assert!(!state.synchronised || state.error_max < Duration::from_secs(3600), "{state:?}");
        }
    }
}
