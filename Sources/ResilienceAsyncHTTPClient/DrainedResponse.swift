#if AsyncHTTPClient
    internal import AsyncHTTPClient
    internal import NIOCore
    internal import NIOHTTP1

    /// The end of the body of a failed response that was not read further, because it was too long or broke off.
    public struct TruncatedBodyError: Error, Sendable, Hashable, CustomStringConvertible {
        /// How many bytes there are before the end.
        public let bytesRead: Int

        /// A sentence for logs.
        public var description: String { "the body of the failed response was read no further than \(bytesRead) bytes" }
    }

    extension HTTPClientResponse {
        /// The same with its body in memory. What is longer than the limit is dropped, and with it the connection; of a
        /// body that says so beforehand nothing is read.
        nonisolated(nonsending) func drained(upTo limit: Int) async -> HTTPClientResponse {
            var drained = self
            var bytes = ByteBuffer()
            guard await read(upTo: limit, into: &bytes) else {
                drained.body = .stream(BytesBeforeEnd(bytes: bytes))
                return drained
            }
            drained.body = .bytes(bytes)
            return drained
        }

        /// Returns whether that was all.
        private nonisolated(nonsending) func read(upTo limit: Int, into bytes: inout ByteBuffer) async -> Bool {
            if let length = headers.first(name: "content-length").flatMap({ Int($0) }), length > limit { return false }
            var parts = body.makeAsyncIterator()
            do {
                while var part = try await parts.next() {
                    guard part.readableBytes <= limit - bytes.readableBytes else { return false }
                    bytes.writeBuffer(&part)
                }
                return true
            } catch {
                return false
            }
        }
    }

    /// What was read of a body, and then an error.
    private struct BytesBeforeEnd: AsyncSequence, Sendable {
        typealias Element = ByteBuffer

        let bytes: ByteBuffer

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: bytes, count: bytes.readableBytes) }

        struct AsyncIterator: AsyncIteratorProtocol {
            var rest: ByteBuffer?
            let count: Int

            mutating func next() async throws -> ByteBuffer? {
                guard let bytes = rest, bytes.readableBytes > 0 else { throw TruncatedBodyError(bytesRead: count) }
                rest = nil
                return bytes
            }
        }
    }
#endif
