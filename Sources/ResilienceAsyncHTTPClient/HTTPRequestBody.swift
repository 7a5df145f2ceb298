#if AsyncHTTPClient
    public import AsyncHTTPClient
    public import HTTPSemantics
    public import NIOCore
    internal import Synchronization

    /// A request's body of which it is known whether it can be sent again, which the client's own does not tell.
    public struct HTTPRequestBody: Sendable {
        /// What the body is good for.
        public let replay: HTTPBodyReplay

        let make: @Sendable () -> HTTPClientRequest.Body
        /// Whether anything was read of a body that can be read once.
        let isUsed: @Sendable () -> Bool

        /// Bytes in memory, which can be sent again.
        public static func bytes(_ buffer: ByteBuffer) -> HTTPRequestBody {
            HTTPRequestBody(replay: .bytes, make: { .bytes(buffer) }, isUsed: { false })
        }

        /// Bytes in memory, which can be sent again. They are copied.
        public static func bytes(_ bytes: some Sequence<UInt8>) -> HTTPRequestBody {
            .bytes(ByteBuffer(bytes: bytes))
        }

        /// What a closure produces from the beginning for each attempt: a file that is read again.
        ///
        /// - Parameters:
        ///   - length: How many bytes there are. Default: unknown.
        ///   - make: Makes the bytes of one attempt.
        public static func restartable<Bytes: AsyncSequence & Sendable>(
            length: HTTPClientRequest.Body.Length = .unknown, _ make: @escaping @Sendable () -> Bytes
        ) -> HTTPRequestBody where Bytes.Element == ByteBuffer {
            HTTPRequestBody(replay: .restartable, make: { .stream(make(), length: length) }, isUsed: { false })
        }

        /// What can be read once. A request with it is made again only if nothing was read of it.
        ///
        /// - Parameters:
        ///   - length: How many bytes there are. Default: unknown.
        ///   - bytes: The bytes.
        public static func oneShot<Bytes: AsyncSequence & Sendable>(
            length: HTTPClientRequest.Body.Length = .unknown, _ bytes: Bytes
        ) -> HTTPRequestBody where Bytes.Element == ByteBuffer {
            let watched = WatchedBytes(base: bytes)
            return HTTPRequestBody(
                replay: .oneShot, make: { .stream(watched, length: length) }, isUsed: { watched.use.isUsed })
        }

        /// A body of the client's own type, which may be one that can be read once.
        static func unknown(_ body: HTTPClientRequest.Body) -> HTTPRequestBody {
            HTTPRequestBody(replay: .oneShot, make: { body }, isUsed: { true })
        }
    }

    /// Remembers whether reading has begun.
    private struct WatchedBytes<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable {
        typealias Element = Base.Element

        final class Use: Sendable {
            private let flag = Atomic(false)
            var isUsed: Bool { flag.load(ordering: .acquiring) }
            func begin() { flag.store(true, ordering: .releasing) }
        }

        let base: Base
        let use = Use()

        func makeAsyncIterator() -> Base.AsyncIterator {
            use.begin()
            return base.makeAsyncIterator()
        }
    }
#endif
