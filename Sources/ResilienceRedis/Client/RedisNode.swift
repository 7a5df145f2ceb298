#if Redis
    internal import NIOCore
    internal import ResilienceCore
    internal import Retries

    /// One server, and the connection to it: made when a command is sent, and again after it was lost.
    ///
    /// After a failure nothing is tried until the backoff has passed: commands fail at once with what happened.
    final class RedisNode: Sendable {
        private enum Phase {
            case idle
            /// Commands wait for the connection, no more than may be in flight.
            case connecting(waiting: [PendingReply])
            case connected(RedisConnection, since: NIODeadline)
            case failed(SharedStateError, until: NIODeadline)
            case closed
        }

        private struct State {
            var phase = Phase.idle
            /// Which connection is the present one: what an earlier one tells is stale.
            var generation = 0
            var delays: BackoffDelays
        }

        let address: RedisAddress
        private let settings: ConnectionSettings
        private let state: Lock<State>
        /// Of the connection that is being made.
        private let watch = HandshakeWatch()

        init(_ address: RedisAddress, _ settings: ConnectionSettings, _ random: RandomSource) {
            (self.address, self.settings) = (address, settings)
            let configuration = settings.configuration
            state = Lock(
                State(
                    delays: BackoffDelays(configuration.backoff, cap: configuration.maxDelay, random: random)))
        }

        /// Whether commands can be expected to get through: a connection is there, or nothing is known against it.
        var isUsable: Bool {
            state.withLock { state in
                switch state.phase {
                case .idle, .connecting, .connected: true
                case .failed(_, let until): until <= .now()
                case .closed: false
                }
            }
        }

        /// What to say where no answer came in time.
        func timedOut(_ limit: Duration) -> SharedStateError { watch.timedOut(limit, address) }

        func submit(_ pending: PendingReply) {
            enum Step {
                case send(RedisConnection)
                case connect(Int)
                case wait
                case fail(SharedStateError)
            }
            let step = state.withLock { state -> Step in
                switch state.phase {
                case .connected(let connection, _): return .send(connection)
                case .connecting(var waiting):
                    waiting.removeAll(where: \.isAbandoned)
                    guard waiting.count < settings.configuration.maxInFlight else {
                        return .fail(.unavailable("\(waiting.count) commands are waiting for a connection already"))
                    }
                    state.phase = .connecting(waiting: waiting + [pending])
                    return .wait
                case .failed(let error, let until) where until > .now(): return .fail(error)
                case .failed, .idle:
                    state.phase = .connecting(waiting: [pending])
                    state.generation &+= 1
                    return .connect(state.generation)
                case .closed: return .fail(.unavailable("the client was closed"))
                }
            }
            switch step {
            case .send(let connection): connection.submit(pending)
            case .connect(let generation): Task(name: "redis connection") { await self.connect(generation) }
            case .wait: break
            case .fail(let error): pending.fail(error)
            }
        }

        private func connect(_ generation: Int) async {
            do {
                let connection = try await RedisConnection.open(to: address, settings, watch) { [weak self] error in
                    self?.lost(generation, error)
                }
                connected(generation, connection)
            } catch {
                lost(generation, error as? SharedStateError ?? .unavailable("no connection to \(address)"))
            }
        }

        private func connected(_ generation: Int, _ connection: RedisConnection) {
            let waiting = state.withLock { state -> [PendingReply]? in
                guard state.generation == generation, case .connecting(let waiting) = state.phase else { return nil }
                state.phase = .connected(connection, since: .now())
                return waiting
            }
            guard let waiting else { return connection.close() }
            for pending in waiting { connection.submit(pending) }
        }

        private func lost(_ generation: Int, _ error: SharedStateError) {
            let waiting = state.withLock { state -> [PendingReply] in
                guard state.generation == generation else { return [] }
                switch state.phase {
                case .connecting(let waiting):
                    let delay = state.delays.next(after: error)
                    state.phase = .failed(error, until: .now() + delay.timeAmount)
                    return waiting
                case .connected(_, let since):
                    // What has worked for a while is worth an attempt at once. If that fails, the delays begin.
                    if .now() - since > settings.configuration.maxDelay.timeAmount {
                        state.delays.reset()
                        state.phase = .idle
                    } else {
                        let delay = state.delays.next(after: error)
                        state.phase = .failed(error, until: .now() + delay.timeAmount)
                    }
                    return []
                case .idle, .failed, .closed: return []
                }
            }
            for pending in waiting { pending.fail(error) }
        }

        func close() {
            let (connection, waiting) = state.withLock { state -> (RedisConnection?, [PendingReply]) in
                defer { state.phase = .closed }
                switch state.phase {
                case .connected(let connection, _): return (connection, [])
                case .connecting(let waiting): return (nil, waiting)
                case .idle, .failed, .closed: return (nil, [])
                }
            }
            connection?.close()
            for pending in waiting { pending.fail(SharedStateError.unavailable("the client was closed")) }
        }
    }
#endif
