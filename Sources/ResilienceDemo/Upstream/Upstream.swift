import Foundation
import ResilienceCore

/// A small HTTP/1.1 server on a loopback port that the system chooses, and that behaves as it is told.
///
/// It answers `GET /orders/<number>`. One thread serves all connections. The port stays the same for the server's life,
/// closed or open; it is closed until the first ``enter(_:)``.
final class Upstream: Sendable {
    let port: UInt16
    private let mailbox: Mailbox

    init(seed: UInt64, workers: Int = 16) throws {
        let reservation = try Socket.bound(to: 0)
        do {
            port = try Socket.port(of: reservation)
            mailbox = try Mailbox()
        } catch {
            closeDescriptor(reservation)
            throw error
        }
        let thread = Thread { [port, mailbox] in
            var loop = UpstreamLoop(
                port: port, reservation: reservation, mailbox: mailbox, seed: seed, workers: workers)
            loop.run()
        }
        thread.name = "upstream"
        thread.start()
    }

    /// Behaves as in a phase from now on; the port is open or closed when this returns.
    ///
    /// - Throws: A ``SocketError`` if the port cannot be opened.
    func enter(_ phase: Phase) async throws {
        try await behave(.during(phase))
    }

    func behave(_ behaviour: UpstreamBehaviour) async throws {
        try await withCheckedThrowingContinuation { continuation in
            mailbox.post(.behave(behaviour, continuation))
        }
    }

    /// Closes everything; the server cannot be used afterwards. Stopping it again does nothing.
    func stop() async {
        await withCheckedContinuation { continuation in
            mailbox.post(.stop(continuation))
        }
    }
}

/// Messages to the server's thread, which sleeps in `poll` and is woken through a pipe.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case behave(UpstreamBehaviour, CheckedContinuation<Void, any Error>)
        case stop(CheckedContinuation<Void, Never>)

        /// The answer of a server that has stopped.
        func refuse() {
            switch self {
            case .behave(_, let continuation): continuation.resume(throwing: SocketError("upstream", code: ESHUTDOWN))
            case .stop(let continuation): continuation.resume()
            }
        }
    }

    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    let reader: Int32
    private let writer: Int32
    private let state = Lock(State())

    init() throws {
        (reader, writer) = try Socket.wakePipe()
    }

    func post(_ message: Message) {
        let isRefused = state.withLock { state in
            guard !state.isClosed else { return true }
            state.messages.append(message)
            // Under the lock, so that the pipe is not closed meanwhile.
            Socket.wake(writer)
            return false
        }
        if isRefused { message.refuse() }
    }

    /// The messages since the last time.
    func takeAll() -> [Message] {
        Socket.drain(reader)
        return state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    /// Refuses what comes from now on, and what is left.
    func close() {
        let left = state.withLock { state in
            defer { state = State(messages: [], isClosed: true) }
            if !state.isClosed {
                closeDescriptor(reader)
                closeDescriptor(writer)
            }
            return state.messages
        }
        for message in left { message.refuse() }
    }
}
