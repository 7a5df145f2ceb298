import Foundation
import Resilience

/// A small HTTP/1.1 server on a loopback port that the system chooses, and that behaves as it is told.
///
/// It answers `GET /orders/<number>`, the state of an order. The parameter `request` tells the asks for one order
/// apart: what becomes of an ask depends on it. One thread serves all connections. The port stays the same for the
/// server's life, closed or open; it is closed until the first ``enter(_:)``.
final class Upstream: Sendable {
    let port: UInt16
    private let mailbox: Mailbox<Message>

    init(seed: UInt64, workers: Int = 8) throws {
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

    enum Message: MailboxMessage {
        case behave(UpstreamBehaviour, CheckedContinuation<Void, any Error>)
        case stop(CheckedContinuation<Void, Never>)

        func refuse() {
            switch self {
            case .behave(_, let continuation): continuation.resume(throwing: SocketError("upstream", code: ESHUTDOWN))
            case .stop(let continuation): continuation.resume()
            }
        }
    }
}
