internal import ResilienceCore

/// What a store keeps of one quota, and all it does with it, as a pure value that is told the time.
///
/// The state is the instant at which the quota is full: the theoretical arrival time of the generic cell rate
/// algorithm. What lies between now and then is the debt. A permit adds ``SharedQuotaRule/interval`` to it, and is
/// there if the debt is at most the capacity then, which is the burst times the interval.
///
/// All of it is whole numbers, so that a script which has only doubles comes to the same. An amount of time is a whole
/// number of picoseconds; a script holds it as two numbers, microseconds and the picoseconds beyond, below 10⁶. Step
/// by step, `take` is:
///
/// 1. Debt: what is left until the instant, or zero if it has passed.
/// 2. If the debt is more than ``longest``, the store's clock was set back: the debt is ``longest``.
/// 3. If the debt is not zero and the interval was another, the rate has changed: the debt is as many permits as
///    before. In microseconds, rounded up first, it is multiplied by the new interval and then divided by the old, as
///    doubles and both in microseconds (`microseconds + picoseconds / 1e6`), at most 3 162 240 000 000 000, and rounded
///    up. ``longest`` is the debt then.
/// 4. A period begins at first, if the debt is zero, in the cases of 2 and 3, and if ``returned`` is 10¹⁵ or more:
///    ``since`` is now, or one more than before if that is later, and ``returned`` is zero.
/// 5. Given back are at most as many as the burst, and no more time than the receipt's position less ``returned`` less
///    now; nothing if it is of another period. It is subtracted from the debt, down to zero, and added to ``returned``
///    in microseconds, rounded up.
/// 6. Available: the most permits, 0 to the burst, that leave the debt at most the capacity. A script estimates them
///    by a division of doubles and corrects that by the exact comparison: `n · picoseconds` is at most 10¹⁵, so that
///    `n · microseconds + ⌊n · picoseconds / 10⁶⌋` and the rest are exact.
/// 7. Granted: the available ones, at most those wanted; none if that is less than the minimum. If any are, the debt
///    grows by them, and ``longest`` is the capacity, in microseconds rounded up.
/// 8. The receipt has the period, and as its position the instant (now and the debt, in whole microseconds rounded
///    down) and ``returned``. Durations are rounded up. If there is no debt, nothing is kept.
///
/// With the store's clock at microseconds since 1970, every number is below 2⁵³ until the year 2120.
///
/// What 5 is for: permits given back are to leave the debt that there would be had they never been taken. They are a
/// piece of the debt, and what of it time has repaid since must not be given back: another may have taken it. So it
/// counts what lies behind now of where the piece ends. Each return moves all later pieces closer, by what it gave
/// back.
public struct SharedQuotaRecord: Sendable, Hashable {
    /// The instant at which the quota is full, in picoseconds of the store's clock.
    private var fullAt: Int128?

    /// The interval of permits by which the debt is counted, in picoseconds.
    private var interval: Int128 = 0

    /// The longest time, in microseconds, that the instant was ahead when permits were last granted.
    public private(set) var longest: Int64 = 0

    /// When the period began in which the debt has not been zero, in microseconds. Receipts of others are void.
    public private(set) var since = Int64.min

    /// How much was given back in this period, in microseconds.
    public private(set) var returned: Int64 = 0

    /// A quota that was never used.
    public init() {}

    /// Takes back what is given back, and then takes permits: as many as are there and were asked for.
    ///
    /// Numbers outside their ranges count as the nearest within, and a rule that ``SharedQuotaRule/validate()`` refuses
    /// as the nearest that it accepts.
    ///
    /// - Parameters:
    ///   - request: What is asked for.
    ///   - now: The present in microseconds of the store's clock, whatever its origin.
    public mutating func take(_ request: PermitRequest, now: Int64) -> PermitGrant {
        let rule = request.rule.checkedRule
        let present = Int128(now) * Self.perMicrosecond
        var (debt, begins) = debt(at: present, by: rule)
        if begins || returned >= Self.mostReturned {
            since = max(now, since.addingSaturated(1))
            returned = 0
        }
        if let receipt = request.receipt, receipt.since == since {
            let left = (Int128(receipt.position) - Int128(returned) - Int128(now)) * Self.perMicrosecond
            let price = Int128(min(max(0, request.returned), rule.burst)) * rule.interval
            let credit = max(0, min(debt, price, left))
            debt -= credit
            returned = returned.addingSaturated(Self.microseconds(credit))
        }

        let room = rule.capacity - debt
        let available = room <= 0 ? 0 : min(rule.burst, Int(room / rule.interval))
        let wanted = max(0, request.wanted)
        let minimum = min(request.minimum, wanted)
        let granted = available >= minimum ? min(available, wanted) : 0
        if granted > 0 {
            debt += Int128(granted) * rule.interval
            longest = Self.microseconds(rule.capacity)
        }
        interval = rule.interval
        fullAt = debt > 0 ? present + debt : nil

        var retryAfter: Duration? = .zero
        if available < minimum {
            retryAfter =
                minimum > rule.burst
                ? nil : .microseconds(Self.microseconds(Int128(minimum) * rule.interval - room))
        }
        return PermitGrant(
            granted: granted, remaining: available - granted, retryAfter: retryAfter,
            resetAfter: .microseconds(Self.microseconds(debt)),
            receipt: PermitReceipt(
                since: since,
                position: now.addingSaturated(Int64(debt / Self.perMicrosecond)).addingSaturated(returned)))
    }

    /// Whether this equals a quota that was never used, so that it need not be kept.
    public func isFull(now: Int64) -> Bool {
        guard let fullAt else { return true }
        return fullAt <= Int128(now) * Self.perMicrosecond
    }

    /// The debt that is left, and whether a period begins.
    private mutating func debt(at present: Int128, by rule: SharedQuotaRule.Checked) -> (Int128, begins: Bool) {
        guard let fullAt, fullAt > present else { return (0, true) }
        let most = Int128(longest) * Self.perMicrosecond
        let debt = min(fullAt - present, most)
        guard interval != rule.interval else { return (debt, fullAt - present > most) }
        let scaled =
            Double(Self.microseconds(debt)) * SharedQuotaRule.Checked.double(rule.interval)
            / SharedQuotaRule.Checked.double(interval)
        longest = Int64(min(scaled, Double(SharedQuotaRule.longestDebt)).rounded(.up))
        return (Int128(longest) * Self.perMicrosecond, true)
    }

    private static let mostReturned: Int64 = 1_000_000_000_000_000
    static let perMicrosecond: Int128 = 1_000_000

    /// Picoseconds as microseconds, rounded up. No debt is longer than a century.
    private static func microseconds(_ picoseconds: Int128) -> Int64 {
        Int64((max(0, picoseconds) + perMicrosecond - 1) / perMicrosecond)
    }
}
