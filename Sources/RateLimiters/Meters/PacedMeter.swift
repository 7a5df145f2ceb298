internal import ResilienceCore

/// The generic cell rate algorithm: the token bucket, and pacing, in one number (ITU-T I.371, virtual scheduling).
///
/// The state is the moment at which all permits are there again, the *theoretical arrival time*. A permit moves it on
/// by the interval between permits; a request is granted if it does not move on by more than the burst from now.
///
/// The interval need not be whole nanoseconds: 3 a second is one every 333 333 333⅓ ns. So moments are counted in a
/// unit of which the interval is a whole multiple, the nearest to a nanosecond that is not shorter. Permits cost a
/// whole number of units, nothing is ever rounded but the reading of the clock, and that down, so that no error adds
/// up: in any time the limiter gives what the exact algorithm gives on a clock that ticks in units.
struct PacedMeter: RateMeter, Hashable {
    /// The units that one permit costs.
    let cost: Int64
    /// The units of all permits at once.
    let capacity: Int64
    /// A unit is `nanoseconds / units` nanoseconds: 1 to 2, and longer only where the burst lasts longer than 36 years.
    let units: Int64
    let nanoseconds: Int64
    /// Whether a request may be for more than the burst. It then waits for what is missing to come on top.
    let isUnbounded: Bool

    /// What a burst comes to at most, in units.
    static let largestCapacity: Int64 = 1 << 60

    /// - Parameters:
    ///   - limit: Permits in each period; at least 1, at most one a nanosecond.
    ///   - period: At least 1 ns.
    ///   - burst: At least 1, at most 2⁶⁰.
    init(limit: Int, period: Int64, burst: Int, isUnbounded: Bool) {
        let divisor = Self.greatestCommonDivisor(Int64(limit), period)
        let permits = Int64(limit) / divisor
        nanoseconds = period / divisor
        cost = min(nanoseconds / permits, Self.largestCapacity / Int64(burst))
        capacity = cost * Int64(burst)
        units = cost * permits
        self.isUnbounded = isUnbounded
    }

    init(cost: Int64, capacity: Int64, units: Int64, nanoseconds: Int64, isUnbounded: Bool) {
        self.cost = cost
        self.capacity = capacity
        self.units = units
        self.nanoseconds = nanoseconds
        self.isUnbounded = isUnbounded
    }

    var unused: Int64 { .min }

    var burst: Int { Int(capacity / cost) }

    func leastWait(_ permits: Int) -> Int64? {
        guard let price = price(permits) else { return nil }
        if price <= capacity { return 0 }
        return isUnbounded ? moment(price - capacity) : nil
    }

    func earliest(_ permits: Int, _ arrival: Int64, from now: Int64) -> Int64? {
        guard let price = price(permits) else { return nil }
        let present = position(now)
        // Both within ±2⁶⁰, so that the difference does not overflow.
        guard let due = sum(max(arrival, present), price - capacity) else { return nil }
        return due <= present ? now : moment(due)
    }

    @discardableResult
    func take(_ permits: Int, _ arrival: inout Int64, at moment: Int64) -> Int64 {
        let price = price(permits) ?? Self.largestCapacity
        // What goes beyond the burst has been coming for as long as it takes.
        let start = max(arrival, position(moment).subtractingSaturated(max(0, price - capacity)))
        arrival = start.addingSaturated(price)
        return arrival
    }

    /// If nothing has been taken back by time since, all is given back. Otherwise it cannot be known how much has been:
    /// what comes between the arrival right after the taking and now is never too much.
    func giveBack(_ permits: Int, _ arrival: inout Int64, receipt: Int64, at now: Int64) {
        let credit = min(price(permits) ?? 0, receipt.subtractingSaturated(position(now)))
        if credit > 0 { arrival = arrival.subtractingSaturated(credit) }
    }

    func available(_ arrival: Int64, at now: Int64) -> Int {
        let debt = arrival.subtractingSaturated(position(now))
        return debt <= 0 ? burst : Int(max(0, capacity - debt) / cost)
    }

    func isUnused(_ arrival: Int64, at now: Int64) -> Bool { arrival <= position(now) }

    /// Permits that have been granted never come to more than all at once.
    func latestMoment(_ arrival: Int64, after now: Int64) -> Int64? {
        let start = arrival.subtractingSaturated(capacity)
        return start > position(now) ? moment(start) ?? .max : nil
    }

    /// How many had been taken cannot be known any more: all of them, so that the next come one after another.
    func rewind(_ arrival: inout Int64, to now: Int64) {
        arrival = min(arrival, position(now).addingSaturated(capacity))
    }

    /// Keeps the permits that are in use, but no more than the burst: the limiter is empty then.
    func carry(_ arrival: Int64, from old: PacedMeter, at now: Int64) -> Int64 {
        let debt = Int128(max(0, arrival.subtractingSaturated(old.position(now))))
        let scaled = (debt * Int128(cost) + Int128(old.cost) - 1) / Int128(old.cost)
        return position(now).addingSaturated(Int64(min(scaled, Int128(capacity))))
    }

    // MARK: Units

    /// The units that have passed at a moment: `⌊now · units / nanoseconds⌋`.
    func position(_ now: Int64) -> Int64 {
        if units == nanoseconds { return now }
        // Not above `now`, because a unit is at least a nanosecond.
        let product = now.magnitude.multipliedFullWidth(by: units.magnitude)
        let (quotient, rest) = nanoseconds.magnitude.dividingFullWidth(product)
        return now >= 0 ? Int64(quotient) : -Int64(quotient) - (rest == 0 ? 0 : 1)
    }

    /// The first moment at which so many units have passed; `nil` if an instant cannot hold it.
    func moment(_ position: Int64) -> Int64? {
        if units == nanoseconds { return position }
        let (quotient, rest) = (Int128(position) * Int128(nanoseconds)).quotientAndRemainder(dividingBy: Int128(units))
        return Int64(exactly: rest > 0 ? quotient + 1 : quotient)
    }

    /// The units of so many permits; `nil` if that is more than is ever counted.
    private func price(_ permits: Int) -> Int64? {
        let (price, overflow) = Int64(permits).multipliedReportingOverflow(by: cost)
        return overflow || price > Self.largestCapacity ? nil : price
    }

    private func sum(_ position: Int64, _ units: Int64) -> Int64? {
        let (sum, overflow) = position.addingReportingOverflow(units)
        return overflow ? nil : sum
    }

    private static func greatestCommonDivisor(_ first: Int64, _ second: Int64) -> Int64 {
        var (first, second) = (first, second)
        while second != 0 { (first, second) = (second, first % second) }
        return first
    }
}
