// Tokens in the Keychain of iOS 16, macOS 13 and later.
// NOT COMPILED by this project, which has no Swift compiler. Written for Swift 5.9 (Xcode 15).
import Foundation
import Security

struct KeychainTokenStore: TokenStore {
    var service = "session"
    /// Shares the tokens with the extensions of the app: an access group of both targets.
    var accessGroup: String?

    func load() throws -> Tokens? {
        var found: CFTypeRef?
        let query = item([kSecReturnData: true, kSecMatchLimit: kSecMatchLimitOne])
        let status = SecItemCopyMatching(query, &found)
        if status == errSecItemNotFound { return nil }
        // Before the first unlock after a restart: errSecInteractionNotAllowed. Nobody is signed out by that.
        try check(status)
        guard let data = found as? Data else { throw KeychainError(status: errSecDecode) }
        return try JSONDecoder().decode(Tokens.self, from: data)
    }

    func save(_ tokens: Tokens) throws {
        let data = try JSONEncoder().encode(tokens)
        // Never deletes the item to add it anew: a crash in between would lose the session.
        let status = SecItemUpdate(item(), [kSecValueData: data] as CFDictionary)
        if status != errSecItemNotFound { return try check(status) }
        // After the first unlock, so that background work can refresh; of this device only, so that no backup holds a copy.
        try check(SecItemAdd(item([
            kSecValueData: data,
            kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]), nil))
    }

    func clear() throws {
        let status = SecItemDelete(item())
        if status != errSecItemNotFound { try check(status) }
    }

    private func item(_ more: [CFString: Any] = [:]) -> CFDictionary {
        var item: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: "tokens",
            kSecUseDataProtectionKeychain: true,
        ]
        if let accessGroup { item[kSecAttrAccessGroup] = accessGroup }
        return item.merging(more) { $1 } as CFDictionary
    }

    private func check(_ status: OSStatus) throws {
        if status != errSecSuccess { throw KeychainError(status: status) }
    }
}

struct KeychainError: Error {
    let status: OSStatus
}
