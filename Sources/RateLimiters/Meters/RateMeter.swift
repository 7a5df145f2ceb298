/// How a rule counts: its parameters. What has been used is a `State` apart, so that a million keys share one meter.
///
/// A pure value, told the time: nanoseconds of a `TimeSource`. A state may lie in the future: permits that are promised
/// are taken at the moment for which they are promised. Moments of one state never go back by more than what was given
/// back; within a state, `take` is called with moments that do not decrease.
///
/// Once so many permits are there, they stay there until some are taken, whatever the rule. So a call that waits until
/// `earliest`, alone, gets them then.
protocol RateMeter: Sendable {
    /// What has been used, of one limiter or of one key.
    associatedtype State: Sendable

    /// The state of a limiter that was never used.
    var unused: State { get }

    /// The least that a request for so many permits waits, on a limiter that was never used; `nil` if it never gets
    /// them.
    func leastWait(_ permits: Int) -> Int64?

    /// The most permits that one ask can get without waiting.
    var burst: Int { get }

    /// The first moment, `now` or later, at which so many permits are there, if none are taken meanwhile; `nil` if it
    /// is beyond what an instant holds. Only for permits for which there is a ``leastWait(_:)``.
    func earliest(_ permits: Int, _ state: State, from now: Int64) -> Int64?

    /// Takes permits, also those that are not there.
    ///
    /// - Returns: What ``giveBack(_:_:receipt:at:)`` has to know.
    @discardableResult
    func take(_ permits: Int, _ state: inout State, at moment: Int64) -> Int64

    /// Takes permits if they are there, or tells when they would be: ``leastWait(_:)``, ``earliest(_:_:from:)`` and
    /// ``take(_:_:at:)`` in one.
    ///
    /// - Parameter maxWait: What would never come sooner is not told.
    func ask(_ permits: Int, _ state: inout State, at now: Int64, maxWait: Int64) -> RateMeterAnswer

    /// Takes back permits that were not used: as if they had never been taken, or less where that cannot be known.
    /// Permits that time has given back already are not given back twice.
    func giveBack(_ permits: Int, _ state: inout State, receipt: Int64, at now: Int64)

    /// How many permits are there.
    func available(_ state: State, at now: Int64) -> Int

    /// Whether the state, from now on, is no other than ``unused``: nothing is lost if it is dropped.
    func isUnused(_ state: State, at now: Int64) -> Bool

    /// A moment after this one that, by the state, was read from the clock; `nil` if the state does not show one.
    func latestMoment(_ state: State, after now: Int64) -> Int64?

    /// Counts what was taken at moments that have not come yet as taken now.
    func rewind(_ state: inout State, to now: Int64)

    /// A state of another meter of the same kind, with what was used.
    func carry(_ state: State, from old: Self, at now: Int64) -> State
}

/// What a call gets that asks a meter and is alone.
enum RateMeterAnswer {
    /// The permits are taken.
    case taken(receipt: Int64)
    /// They are there at that moment, and the least that such a request ever waits.
    case later(Int64, least: Int64)
    /// They are there later than an instant can tell.
    case beyondTime
    /// Never, or only after more than the longest wait.
    case never
}

extension RateMeter {
    func latestMoment(_ state: State, after now: Int64) -> Int64? { nil }

    @inline(__always)
    func ask(_ permits: Int, _ state: inout State, at now: Int64, maxWait: Int64) -> RateMeterAnswer {
        guard let least = leastWait(permits), least <= maxWait else { return .never }
        guard let due = earliest(permits, state, from: now) else { return .beyondTime }
        return due <= now ? .taken(receipt: take(permits, &state, at: now)) : .later(due, least: least)
    }
}

/// Consecutive windows of one length.
struct WindowGrid: Sendable {
    let anchor: Int64
    let length: Int64

    /// The start of the window in which a moment lies.
    func start(of moment: Int64) -> Int64 {
        let (offset, overflow) = moment.subtractingReportingOverflow(anchor)
        guard !overflow else { return moment }
        let rest = offset % length
        let start = moment.subtractingReportingOverflow(rest < 0 ? rest + length : rest)
        return start.overflow ? moment : start.partialValue
    }

    /// The end of a window; `nil` if an instant cannot hold it.
    func end(of start: Int64) -> Int64? {
        let (end, overflow) = start.addingReportingOverflow(length)
        return overflow ? nil : end
    }

    /// Whether a moment lies in the window that starts there, or before it.
    func reaches(_ start: Int64, _ moment: Int64) -> Bool {
        end(of: start).map { moment < $0 } ?? true
    }
}
