internal import ResilienceCore

/// The state of a pause: until when it lasts, and how long it is. A value that is told the time, in nanoseconds.
struct PauseState: Sendable {
    var configuration: Pause.Configuration

    /// When the pause is over; the lowest number if there is none.
    private(set) var end = PauseState.never

    /// How long the pause is that lasts, or was the last.
    private(set) var length: Int64 = 0

    static let never = Int64.min

    /// What a pause that begins, or is made longer, is to be announced with.
    struct Extension: Sendable, Equatable {
        /// How long the one was that had ended unnoticed.
        var resumed: Int64?
        /// Whether there was no pause before.
        var isNew: Bool
        /// How long it lasts from now on.
        var length: Int64
    }

    init(_ configuration: Pause.Configuration) {
        self.configuration = configuration
    }

    /// How long the pause still lasts; zero if there is none. It is no longer than a pause can be from now on: a clock
    /// that was wrong, or a longer limit that was in force, may have set it.
    func remaining(at now: Int64) -> Int64 {
        max(0, min(end, now.addingSaturated(longest)).subtractingSaturated(now))
    }

    /// The same for a call that comes. The first one after the pause ends it for good.
    ///
    /// - Returns: What is left, and how long the pause was that has ended now.
    mutating func remainingForCall(at now: Int64) -> (left: Int64, resumed: Int64?) {
        guard end != Self.never else { return (0, nil) }
        let left = remaining(at: now)
        guard left == 0 else { return (left, nil) }
        end = Self.never
        return (0, length)
    }

    /// Pauses from now on. A pause that lasts longer already stays.
    ///
    /// - Parameters:
    ///   - delay: For how long, at most as long as is allowed.
    ///   - least: By how much a pause that lasts has to become longer.
    /// - Returns: `nil` if nothing has changed.
    mutating func extend(for delay: Int64, byAtLeast least: Int64 = 0, at now: Int64) -> Extension? {
        let length = min(delay, longest)
        let (left, new) = (remaining(at: now), now.addingSaturated(length))
        guard length > left, left == 0 || length.subtractingSaturated(left) >= least else { return nil }
        let resumed = left == 0 && end != Self.never ? self.length : nil
        (self.length, end) = (length, new)
        return Extension(resumed: resumed, isNew: left == 0, length: length)
    }

    private var longest: Int64 { configuration.maxPause.saturatedNanoseconds }
}
