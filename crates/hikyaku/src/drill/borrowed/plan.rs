//! Which faults a round has: a fixed plan, no chance.

use super::TENANTS;

/// The faults of one round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoundPlan {
    /// Tenants whose secret is changed before the round.
    pub rotated_before: Vec<u32>,
    /// Tenants whose secret is changed while their mails are under way.
    pub rotated_within: Vec<u32>,
    /// Tenants whose secret the relay refuses from now on, before they know it; they get a new one after the 535.
    pub revoked: Vec<u32>,
    /// The link is cut in the middle of some mails.
    pub cuts: bool,
    /// Some recipients get 421 and the link is closed.
    pub storms: bool,
}

/// The plan of a round, counted from 0. The first rounds are quiet.
pub fn of_round(round: u32) -> RoundPlan {
    let some = |shift: u32, every: u32| {
        let chosen = |tenant: &u32| round > 1 && (tenant + round * 5 + shift).is_multiple_of(every);
        (0..TENANTS).filter(chosen).collect::<Vec<_>>()
    };
    let mut plan = RoundPlan { cuts: round % 3 == 2, storms: round % 4 == 3, ..RoundPlan::default() };
    match round % 6 {
        2 => plan.rotated_before = some(0, 4),
        3 => plan.rotated_within = some(1, 3),
        4 => plan.revoked = some(2, 6),
        5 => {
            plan.rotated_before = some(0, 7);
            plan.rotated_within = some(3, 5);
        }
        _ => {}
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_rounds_have_every_fault() {
        let plans: Vec<_> = (0..10).map(of_round).collect();
        let any = |fault: fn(&RoundPlan) -> bool| plans.iter().any(fault);
        assert!(any(|plan| !plan.rotated_before.is_empty()));
        assert!(any(|plan| !plan.rotated_within.is_empty()));
        assert!(any(|plan| !plan.revoked.is_empty()));
        assert!(any(|plan| plan.cuts) && any(|plan| plan.storms));
        assert_eq!(plans[0], RoundPlan::default());
    }
}
