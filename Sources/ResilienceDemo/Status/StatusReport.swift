import Resilience

/// The data of the status page: one frame of the live view, in numbers. Times are in seconds, latencies in
/// milliseconds.
struct StatusReport: Codable, Equatable {
    struct Side: Codable, Equatable {
        let callsPerSecond: Double
        let sentPerSecond: Double
        let freshPerSecond: Double
        let lastGoodPerSecond: Double
        /// Calls that got no answer, rejected ones included.
        let failedPerSecond: Double
        let fresh: Int
        let lastGood: Int
        let failed: Int
        let inFlight: Int
        /// `nil` if nothing came back within the last second.
        let p50: Double?
        let p99: Double?

        init(_ snapshot: CallLog.Snapshot) {
            callsPerSecond = snapshot.callsPerSecond
            sentPerSecond = snapshot.sentPerSecond
            freshPerSecond = snapshot.succeededPerSecond
            lastGoodPerSecond = snapshot.stalePerSecond
            failedPerSecond = snapshot.failedPerSecond
            fresh = snapshot.succeeded
            lastGood = snapshot.stale
            failed = snapshot.failed + snapshot.rejected
            inFlight = snapshot.inFlight
            p50 = snapshot.median.map { $0.seconds * 1000 }
            p99 = snapshot.p99.map { $0.seconds * 1000 }
        }
    }

    struct Bulkhead: Codable, Equatable {
        let inUse: Int
        let limit: Int
        let queued: Int
    }

    struct Limiter: Codable, Equatable {
        let permits: Int
        let most: Int
    }

    struct Layers: Codable, Equatable {
        let refusedByBreaker: Int
        let refusedByLimiter: Int
        let refusedByBulkhead: Int
        let retries: Int
        let timeouts: Int
    }

    struct Event: Codable, Equatable {
        let at: Double
        let text: String
    }

    /// How many events are told.
    static let eventCount = 12

    let elapsed: Double
    let length: Double
    let phase: String
    let story: String
    let breaker: String
    let bulkhead: Bulkhead
    let limiter: Limiter
    /// The age of the oldest answer given within the last second, if one was given that was not fresh.
    let oldestAnswer: Double?
    let layers: Layers
    let unprotected: Side
    let protected: Side
    /// The latest first.
    let events: [Event]
    let module: ResilienceModule.State
    let health: ResilienceModule.Health

    init(_ frame: Frame, module: ResilienceModule.State, health: ResilienceModule.Health) {
        elapsed = min(frame.elapsed, frame.scenario.length).seconds
        length = frame.scenario.length.seconds
        phase = frame.phase.rawValue
        story = frame.phase.story
        breaker = frame.breaker.rawValue
        let (gauges, layers) = (frame.gauges, frame.layers)
        bulkhead = Bulkhead(inUse: gauges.slotsInUse, limit: gauges.slots, queued: gauges.queued)
        limiter = Limiter(permits: gauges.permits, most: gauges.mostPermits)
        oldestAnswer = frame.protected.oldestAnswer?.seconds
        self.layers = Layers(
            refusedByBreaker: layers.refusedByBreaker, refusedByLimiter: layers.refusedByLimiter,
            refusedByBulkhead: layers.refusedByBulkhead, retries: layers.retries, timeouts: layers.timeouts)
        unprotected = Side(frame.unprotected)
        protected = Side(frame.protected)
        events = frame.events.suffix(Self.eventCount).reversed().map { Event(at: $0.moment.seconds, text: $0.text) }
        self.module = module
        self.health = health
    }
}
