import Foundation
import Resilience

#if Redis
    import ResilienceRedis
#endif

/// One process of a fleet: calls the upstream, and tells what it sees.
struct FleetNode: Sendable {
    let options: FleetNodeOptions

    /// Whether this program can reach a Redis server.
    static var isBuilt: Bool {
        #if Redis
            true
        #else
            false
        #endif
    }

    func run() async throws {}
}
