internal import ResilienceCore
internal import Synchronization

extension RetryBudget {
    /// The configuration as calls read it: each part one atomic word. A call that reads while another rule is put in
    /// force may see some parts of one and some of the other; what it earns or spends then is off by a token or so,
    /// once.
    struct Parameters: ~Copyable {
        let kind: Atomic<UInt8>
        /// What a call, or a success, earns.
        let share: Atomic<Int64>
        let cost: Atomic<Int64>
        let capacity: Atomic<Int64>
        /// How far a ratio's tokens may go below zero.
        let reserve: Atomic<Int64>

        static var ratio: UInt8 { 0 }
        static var throttle: UInt8 { 1 }
        static var quota: UInt8 { 2 }

        init(_ configuration: Configuration) {
            kind = Atomic(configuration.parameters.kind)
            share = Atomic(configuration.parameters.share)
            cost = Atomic(configuration.parameters.cost)
            capacity = Atomic(configuration.parameters.capacity)
            reserve = Atomic(configuration.parameters.reserve)
        }

        func store(_ configuration: Configuration) {
            let parameters = configuration.parameters
            share.store(parameters.share, ordering: .relaxed)
            cost.store(parameters.cost, ordering: .relaxed)
            capacity.store(parameters.capacity, ordering: .relaxed)
            reserve.store(parameters.reserve, ordering: .relaxed)
            kind.store(parameters.kind, ordering: .relaxed)
        }
    }
}

extension RetryBudget.Configuration {
    /// The parts of a configuration as numbers, in millionths of a token; those that a kind does not have are zero or
    /// no limit.
    var parameters: (kind: UInt8, share: Int64, cost: Int64, capacity: Int64, reserve: Int64) {
        let unit = RetryBudget.unit
        return switch kind {
        case .ratio(let ratio, let perSecond, let length):
            (0, Self.units(ratio), unit, .max, Int64(perSecond * length.inSeconds * Double(unit)))
        case .throttle(let maximum, let ratio): (1, Self.units(ratio), unit, Int64(maximum) * unit, 0)
        case .quota(let maximum, let cost): (2, unit, Int64(cost) * unit, Int64(maximum) * unit, 0)
        }
    }

    var initialTokens: Int64 { parameters.kind == 0 ? 0 : parameters.capacity }

    /// That of a ratio; one that is never asked for the others.
    var window: Duration {
        if case .ratio(_, _, let window) = kind { window } else { .seconds(10) }
    }

    private static func units(_ share: Double) -> Int64 { Int64((share * Double(RetryBudget.unit)).rounded()) }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(saturatedNanoseconds) / 1e9 }
}
