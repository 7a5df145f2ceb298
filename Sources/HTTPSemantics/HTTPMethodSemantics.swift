/// What is known of methods by their names, which are case-sensitive (RFC 9110, section 9.2; QUERY of its own draft).
public enum HTTPMethodSemantics {
    /// Whether a request only reads: GET, HEAD, OPTIONS, TRACE, QUERY. It does no harm if it runs twice at once.
    public static func isSafe(_ method: String) -> Bool {
        switch method {
        case "GET", "HEAD", "OPTIONS", "TRACE", "QUERY": true
        default: false
        }
    }

    /// Whether the method is idempotent, so that two requests do what one does: the safe methods, PUT and DELETE.
    public static func isIdempotent(_ method: String) -> Bool {
        isSafe(method) || method == "PUT" || method == "DELETE"
    }
}
