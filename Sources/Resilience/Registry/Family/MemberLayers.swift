internal import ResilienceCore
internal import Synchronization

/// What a family knows of one member in addition to its policy: how much it is used, and what its layers know.
final class MemberState: Sendable {
    /// The layers that are the member's own; those that all members share are left out.
    let layers: [LayerDescription?]
    let breakers: [CircuitBreaker]
    /// The layers that know something. Found once: a full family asks members by the hundred.
    private let retaining: [any StateRetaining]

    private let started = Atomic<Int>(0)
    private let ended = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    /// How many more calls had begun than the family was asked for the policy, when it last looked, and when that had
    /// grown: code that keeps a policy uses it without asking the family for it.
    private let seen = Atomic<Int>(0)
    private let seenAt: Atomic<Int64>

    init(_ layers: [LayerDescription?], now: TimeSource.Instant) {
        self.layers = layers
        breakers = layers.compactMap { $0?.strategy as? CircuitBreaker }
        retaining = layers.compactMap { $0?.component as? any StateRetaining }
        seenAt = Atomic(now.nanoseconds)
    }

    func begin() { started.wrappingAdd(1, ordering: .relaxed) }

    func end() { ended.wrappingAdd(1, ordering: .relaxed) }

    func fail() { failed.wrappingAdd(1, ordering: .relaxed) }

    var calls: Int { started.load(ordering: .relaxed) }

    var failures: Int { failed.load(ordering: .relaxed) }

    /// How many calls run. The ends first, so that it is never negative.
    var running: Int {
        let ended = ended.load(ordering: .acquiring)
        return started.load(ordering: .relaxed) - ended
    }

    /// When the member was last used, as far as is known, by code that did not ask the family for it.
    ///
    /// - Parameter lookups: How often the family was asked for it.
    func lastActivity(at now: TimeSource.Instant, lookups: Int) -> TimeSource.Instant {
        let more = calls - lookups
        // A policy that was asked for and is not used yet is behind.
        if seen.max(more, ordering: .relaxed).oldValue < more {
            seenAt.store(now.nanoseconds, ordering: .relaxed)
        }
        return TimeSource.Instant(nanoseconds: seenAt.load(ordering: .relaxed))
    }

    /// What would be lost with the member.
    func retained(at now: TimeSource.Instant) -> RetainedState {
        guard running == 0 else { return .obligation }
        var most = RetainedState.nothing
        for component in retaining where most < .obligation {
            most = max(most, component.retainedState(at: now))
        }
        return most
    }
}

/// The layers of a member as one strategy, which counts the calls that run in them; with its end, the family takes over
/// what the layers have counted.
final class MemberLayers: Strategy {
    private let policy: Policy
    private let state: MemberState
    private let numbers: FamilyNumbers

    init(_ policy: Policy, _ state: MemberState, _ numbers: FamilyNumbers) {
        self.policy = policy
        self.state = state
        self.numbers = numbers
        numbers.add(state)
    }

    deinit {
        numbers.retire(state)
    }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        state.begin()
        do {
            try await policy.executeLayers(context, next)
        } catch {
            ended(error, context)
            throw error
        }
        state.end()
    }

    private func ended(_ error: any Error, _ context: Context) {
        switch CallEnd(error, in: context) {
        case .failed, .expired: state.fail()
        case .rejected, .cancelled: break
        }
        state.end()
    }

    var layers: [LayerDescription] { policy.layers }

    func addObserver(_ observer: any PolicyObserver) { policy.addObserverToLayers(observer) }

    func collect(into metrics: inout MetricCollection) { metrics.collect(policy) }

    // MARK: The synchronous way

    /// One: a call that some layer refuses runs in them all the same.
    private struct Entry: BitwiseCopyable {
        var position: Int64
        static let size = 8
    }

    var _size: Int { Entry.size + policy.layersSize }

    var _isTransparent: Bool { policy.layersAreTransparent }

    func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        state.begin()
        let position = policy.enterLayers(&passage, at: offset &+ Entry.size, &refusal)
        passage.store(Entry(position: Int64(position)), at: offset)
        return position == policy.layersDepth ? 1 : 0
    }

    func _leave(_ passage: inout Passage, at offset: Int) {
        policy.leaveLayers(&passage, at: offset &+ Entry.size)
        state.end()
    }

    func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        let position = policy.failLayers(
            &passage, at: offset &+ Entry.size, entered: Int(passage.load(Entry.self, at: offset).position), &error,
            context)
        guard position == .left else {
            passage.store(Entry(position: Int64(position)), at: offset)
            return 0
        }
        ended(error, context)
        return .left
    }

    nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        do {
            try await policy.resumeLayers(
                &passage, at: offset &+ Entry.size, Int(passage.load(Entry.self, at: offset).position), error, context,
                next)
        } catch {
            ended(error, context)
            throw error
        }
        state.end()
    }

    func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        policy.insideLayers(&passage, at: offset &+ Entry.size, context)
    }

    func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        policy.describeLayers(
            &passage, at: offset &+ Entry.size, entered: Int(passage.load(Entry.self, at: offset).position),
            isRefused: isRefused, &reports)
    }
}
