//! The machine itself: its clock, and the ports that are to be listened on.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{Finding, Health};

/// How far off a clock may be before permits and leases of other nodes are doubtful.
const ERROR_MAX: Duration = Duration::from_secs(1);

/// Whether somebody keeps the clock in step.
pub fn clock() -> Finding {
    const WHAT: &str = "clock";
    match runtime::clock_state() {
        Err(error) => Finding::new(
            WHAT,
            Health::Doubtful,
            format!(
                "the kernel does not say whether it is kept in step ({error}); see that chrony or another keeps it"
            ),
        ),
        Ok(state) if !state.synchronised => Finding::new(
            WHAT,
            Health::Doubtful,
            "nobody keeps it in step: run chrony or systemd-timesyncd; between nodes leases go by it, and mails are \
             dated by it",
        ),
        Ok(state) if state.error_max > ERROR_MAX => Finding::new(
            WHAT,
            Health::Doubtful,
            format!("it may be off by {} ms; see to its sources", state.error_max.as_millis()),
        ),
        Ok(state) => {
            let text = format!("in step, off by {} ms at most", state.error_max.as_millis());
            Finding::new(WHAT, Health::Well, text)
        }
    }
}

/// Whether each address can be listened on.
pub fn ports(places: &[SocketAddr]) -> Vec<Finding> {
    let look = |place: &SocketAddr| {
        let what = format!("port {place}");
        match TcpListener::bind(place) {
            Ok(_) => Finding::new(what, Health::Well, "free"),
            Err(error) => {
                let text = format!("cannot be listened on ({error}); end who uses it, or choose another");
                Finding::new(what, Health::Faulty, text)
            }
        }
    };
    places.iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_faulty_and_a_free_one_is_well() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let place = taken.local_addr().expect("its address");
        assert_eq!(ports(&[place])[0].health, Health::Faulty);
        drop(taken);
        assert_eq!(ports(&[place])[0].health, Health::Well);
    }
}
