internal import Foundation
public import HTTPSemantics

#if canImport(FoundationNetworking)
    internal import FoundationNetworking
#endif

extension HTTPSendOutcome {
    /// How far a request of URLSession came that ended with an error.
    ///
    /// - Parameters:
    ///   - error: A `URLError`; any other error is one after which the request may have run.
    ///   - unknownMayHaveRun: Whether `URLError.unknown` is one of these. On Linux it stands for everything that has no
    ///     code of its own: failed handshakes, bodies that ended too soon, broken frames. Default: true on Linux, false
    ///     elsewhere, where it is taken to be permanent.
    public static func urlSession(
        _ error: any Error, unknownMayHaveRun: Bool = HTTPSendOutcome.isUnknownVague
    ) -> HTTPSendOutcome {
        guard let error = error as? URLError else { return .perhapsRan }
        switch error.code {
        case .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet: return .neverSent
        case .timedOut, .networkConnectionLost, .badServerResponse, .cannotLoadFromNetwork, .secureConnectionFailed,
            .cancelled:
            return .perhapsRan
        case .unknown where unknownMayHaveRun: return .perhapsRan
        // On Linux also what is none of HTTP in the answer.
        case .unsupportedURL where unknownMayHaveRun && ResilientURLSession.authority(of: error.failingURL) != nil:
            return .perhapsRan
        default: return .permanent
        }
    }

    /// Whether `URLError.unknown` stands for many things here.
    public static var isUnknownVague: Bool {
        #if canImport(FoundationNetworking)
            true
        #else
            false
        #endif
    }
}
