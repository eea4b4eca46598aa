// The classes of Android that KeystoreCipher.kt names, so that a compiler without Android can check it.
package android.security.keystore

import java.security.spec.AlgorithmParameterSpec

object KeyProperties {
    const val PURPOSE_ENCRYPT = 1
    const val PURPOSE_DECRYPT = 2
    const val BLOCK_MODE_GCM = "GCM"
    const val ENCRYPTION_PADDING_NONE = "NoPadding"
    const val KEY_ALGORITHM_AES = "AES"
}

class KeyGenParameterSpec private constructor() : AlgorithmParameterSpec {
    @Suppress("UNUSED_PARAMETER")
    class Builder(keystoreAlias: String, purposes: Int) {
        fun setBlockModes(vararg blockModes: String): Builder = this
        fun setEncryptionPaddings(vararg paddings: String): Builder = this
        fun build(): KeyGenParameterSpec = KeyGenParameterSpec()
    }
}
