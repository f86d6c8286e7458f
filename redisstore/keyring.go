package redisstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/cacheops/cacheops"
)

// secretBytes is the length of a secret: AES-256's.
const secretBytes = 32

// digest names an entry in Redis. It is no proof: an entry holds what it was
// made from, and that is compared.
type digest [16]byte

// keyID tells secrets apart without giving them away. Two secrets may share
// one; it only saves trying all.
type keyID [4]byte

// The kinds of what is named and sealed. Each has names of its own.
const (
	kindEntry = 'e'
	kindBytes = 'b'
)

// keyring holds the secrets of a store. Without any it seals nothing, and
// digests are plain hashes.
type keyring struct {
	keys  []sealKey // the first seals, any opens
	names *sync.Pool
}

type sealKey struct {
	id   keyID
	aead cipher.AEAD
}

// newKeyring derives from each secret what seals and, from the last, what names
// entries: while a new secret is put in front, all processes must go on finding
// each other's entries under the same names.
func newKeyring(secrets [][]byte) (*keyring, error) {
	r := &keyring{}
	for i, secret := range secrets {
		if len(secret) != secretBytes {
			return nil, fmt.Errorf("redisstore: Options.Keys[%d]: %d bytes, want %d random ones", i, len(secret), secretBytes)
		}
		k, err := newSealKey(secret)
		if err != nil {
			return nil, fmt.Errorf("redisstore: Options.Keys[%d]: %w", i, err)
		}
		r.keys = append(r.keys, k)
	}
	if len(secrets) == 0 {
		return r, nil
	}
	naming, err := derive(secrets[len(secrets)-1], "names", secretBytes)
	if err != nil {
		return nil, fmt.Errorf("redisstore: Options.Keys: %w", err)
	}
	r.names = &sync.Pool{New: func() any { return hmac.New(sha256.New, naming) }}
	return r, nil
}

func newSealKey(secret []byte) (k sealKey, err error) {
	id, err := derive(secret, "id", len(k.id))
	if err != nil {
		return k, err
	}
	copy(k.id[:], id)
	key, err := derive(secret, "seal", secretBytes)
	if err != nil {
		return k, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return k, fmt.Errorf("make a cipher: %w", err)
	}
	k.aead, err = cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return k, fmt.Errorf("make a cipher: %w", err)
	}
	return k, nil
}

// derive returns n bytes for one purpose: a secret is never used for two.
func derive(secret []byte, purpose string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, secret, nil, "cacheops/redisstore/1 "+purpose, n)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return b, nil
}

// encrypts reports whether there are secrets.
func (r *keyring) encrypts() bool { return len(r.keys) > 0 }

// sealing is the id of the key that seals, or zero.
func (r *keyring) sealing() keyID {
	if !r.encrypts() {
		return keyID{}
	}
	return r.keys[0].id
}

// seal appends body, encrypted and bound to the associated data.
func (r *keyring) seal(dst, body, bound []byte) []byte {
	return r.keys[0].aead.Seal(dst, nil, body, bound)
}

var errSealed = errors.New("redisstore: no key opens this")

// open appends what seal was given under any of the secrets.
func (r *keyring) open(dst, sealed, bound []byte, id keyID) ([]byte, error) {
	for _, k := range r.keys {
		if k.id != id {
			continue
		}
		if body, err := k.aead.Open(dst, nil, sealed, bound); err == nil {
			return body, nil
		}
	}
	return nil, errSealed
}

// digest names what is made from text and rest. With secrets it is keyed, so
// that arguments cannot be guessed from names.
func (r *keyring) digest(kind byte, text string, rest []byte) (d digest) {
	s := scratches.get()
	defer scratches.put(s)
	b := binary.AppendUvarint(append(s.bytes[:0], kind), uint64(len(text)))
	b = append(append(b, text...), rest...)
	s.bytes = b
	if r.names == nil {
		sum := sha256.Sum256(b)
		return digest(sum[:len(d)])
	}
	mac := r.names.Get().(hash.Hash)
	defer r.names.Put(mac)
	mac.Reset()
	mac.Write(b)
	s.bytes = mac.Sum(b)
	return digest(s.bytes[len(b) : len(b)+len(d)])
}

// keyDigest names the entry of k.
func (r *keyring) keyDigest(k *cacheops.Key) digest { return r.digest(kindEntry, k.Text, k.Rest) }
