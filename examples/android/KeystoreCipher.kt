// Encrypts the token file with a key of the Android Keystore, which no backup and no other app contains.
// Kotlin 1.3 or later, Android 8.0 (API 26) or later.
package session

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.ProviderException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 *     SessionClient(
 *         "https://api.example.com",
 *         FileTokenStore(context.noBackupFilesDir, KeystoreCipher::seal, KeystoreCipher::open),
 *         SystemClock::elapsedRealtime
 *     )
 */
object KeystoreCipher {
    private const val KEYSTORE = "AndroidKeyStore"
    private const val ALIAS = "session"
    private const val NONCE_LENGTH = 12

    fun seal(data: ByteArray): ByteArray = failing {
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        cipher.init(Cipher.ENCRYPT_MODE, key() ?: newKey())
        cipher.iv + cipher.doFinal(data)
    }

    fun open(sealed: ByteArray): ByteArray = failing {
        if (sealed.size < NONCE_LENGTH) throw IOException("The file is damaged")
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        val key = key() ?: throw IOException("The keystore has no key")
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(128, sealed, 0, NONCE_LENGTH))
        cipher.doFinal(sealed, NONCE_LENGTH, sealed.size - NONCE_LENGTH)
    }

    private fun key(): SecretKey? = KeyStore.getInstance(KEYSTORE).apply { load(null) }.getKey(ALIAS, null) as SecretKey?

    /** Without a PIN or fingerprint: background work has to refresh, too. */
    private fun newKey(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(ALIAS, purposes)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).apply { init(spec) }.generateKey()
    }

    /** The keystore of some devices fails now and then. That is no reason to sign anybody out. */
    private fun <T> failing(work: () -> T): T =
        try {
            work()
        } catch (e: GeneralSecurityException) {
            throw IOException("The keystore failed", e)
        } catch (e: ProviderException) {
            throw IOException("The keystore failed", e)
        }
}
