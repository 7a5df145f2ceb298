#if GRPC
    internal import GRPCCore
    internal import ResilienceCore

    /// What is seen of one stream: whether there was one, and how it ended.
    final class StreamRecord: Sendable {
        private struct State {
            var isOpened = false
            var hasEnded = false
            var error: (any Error)?
        }

        private let state = Lock(State())

        var isOpened: Bool { state.withLock { $0.isOpened } }

        /// How it failed: its status, or that of the connection. `nil` also if the stream was not read as far as that.
        var error: (any Error)? { state.withLock { $0.error } }

        /// What a layer gets that runs a call again of which the stream was used already: what came of that.
        var repetitionError: (any Error)? {
            state.withLock { state in
                guard state.isOpened else { return nil }
                return state.error ?? RPCError(code: .failedPrecondition, message: "A stream cannot be opened twice.")
            }
        }

        func opened() { state.withLock { $0.isOpened = true } }

        func saw<Bytes>(_ part: RPCResponsePart<Bytes>?) {
            switch part {
            case .status(let status, let metadata): ended(with: RPCError(status: status, metadata: metadata))
            case .none where Task.isCancelled: ended(with: CancellationError())
            case .none: ended(with: RPCError(code: .internalError, message: "The stream ended without a status."))
            case .metadata, .message: break
            }
        }

        /// The first end counts: after a status comes the end of the stream.
        func ended(with error: (any Error)?) {
            state.withLock { state in
                if !state.hasEnded { state.error = error }
                state.hasEnded = true
            }
        }
    }

    /// The parts of a response, of which a record is kept.
    struct RecordedParts<Bytes: GRPCContiguousBytes & Sendable>: AsyncSequence, Sendable {
        typealias Element = RPCResponsePart<Bytes>
        typealias Failure = any Error

        let base: RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>
        let record: StreamRecord

        func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(base: base.makeAsyncIterator(), record: record)
        }

        struct AsyncIterator: AsyncIteratorProtocol {
            var base: RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>.AsyncIterator
            let record: StreamRecord

            mutating func next() async throws -> RPCResponsePart<Bytes>? { try await next(isolation: nil) }

            mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(any Error) -> RPCResponsePart<Bytes>? {
                do {
                    let part = try await base.next(isolation: actor)
                    record.saw(part)
                    return part
                } catch {
                    record.ended(with: error)
                    throw error
                }
            }
        }
    }

    /// A response that is a status alone.
    struct RefusedParts<Bytes: GRPCContiguousBytes & Sendable>: AsyncSequence, Sendable {
        typealias Element = RPCResponsePart<Bytes>
        typealias Failure = any Error

        let status: Status
        let metadata: Metadata

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: .status(status, metadata)) }

        struct AsyncIterator: AsyncIteratorProtocol {
            var rest: RPCResponsePart<Bytes>?

            mutating func next() async throws -> RPCResponsePart<Bytes>? { try await next(isolation: nil) }

            mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(any Error) -> RPCResponsePart<Bytes>? {
                defer { rest = nil }
                return rest
            }
        }
    }

    /// Where the request goes of a call that was refused.
    struct DiscardingWriter<Bytes: GRPCContiguousBytes & Sendable>: ClosableRPCWriterProtocol {
        typealias Element = RPCRequestPart<Bytes>

        func write(_ element: RPCRequestPart<Bytes>) async throws {}
        func write(contentsOf elements: some Sequence<RPCRequestPart<Bytes>>) async throws {}
        func finish() async {}
        func finish(throwing error: any Error) async {}
    }
#endif
