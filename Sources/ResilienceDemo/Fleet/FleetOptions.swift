/// What a run with several processes is asked for.
struct FleetOptions: Equatable {
    /// What happens to the Redis server that the run has started itself.
    enum Fault: String, CaseIterable, Sendable {
        /// It is killed, and started again with nothing in it.
        case kill
        /// It is stopped by a signal, and goes on later: connections stay, answers do not come.
        case stop
        /// All that it holds is deleted.
        case flush
        /// Each answer takes 300 ms longer.
        case slow
        /// One node cannot reach it.
        case partition

        /// What a spectator should know about it.
        var story: String {
            switch self {
            case .kill: "the Redis server is killed"
            case .stop: "the Redis server is stopped by a signal"
            case .flush: "the Redis server loses all that it holds"
            case .slow: "each answer of the Redis server takes 300 ms longer"
            case .partition: "the first node cannot reach the Redis server"
            }
        }

        var endStory: String {
            switch self {
            case .kill: "the Redis server is started again, empty"
            case .stop: "the Redis server goes on"
            case .flush: "it has been empty once more"
            case .slow: "the Redis server answers as before"
            case .partition: "the first node reaches the Redis server again"
            }
        }
    }

    /// How many processes, 2 to 32.
    var nodes = 0
    /// The server they meet at; `nil` for one of the run's own.
    var redis: String?
    var fault: Fault?
}

/// What one process of such a run is told by the one that starts it.
struct FleetNodeOptions: Equatable {
    var number = 0
    var redis = ""
    var upstream: UInt16 = 0
    var seed: UInt64 = 1

    /// The command line that says so.
    var arguments: [String] {
        ["--fleet-node", "\(number)", "--redis", redis, "--upstream", "\(upstream)", "--seed", "\(seed)"]
    }
}

/// What happens in a run with several processes, and when.
struct FleetTimeline: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        case upstreamFails, faultBegins, faultEnds, upstreamRecovers, end
    }

    /// Each step with its time since the beginning, in order.
    let steps: [(at: Duration, step: Step)]

    init(isQuick: Bool, hasFault: Bool) {
        let unit = Duration.milliseconds(isQuick ? 500 : 1_000)
        var steps: [(Duration, Step)] = [
            (unit * 4, .upstreamFails), (unit * 10, .upstreamRecovers), (unit * 18, .end),
        ]
        // From before the failures into their midst, so that nodes have to decide alone.
        if hasFault { steps += [(unit * 3, .faultBegins), (unit * 7, .faultEnds)] }
        self.steps = steps.map { (at: $0.0, step: $0.1) }.sorted { $0.at < $1.at }
    }

    static func == (lhs: FleetTimeline, rhs: FleetTimeline) -> Bool {
        lhs.steps.elementsEqual(rhs.steps) { $0.at == $1.at && $0.step == $1.step }
    }
}
