// What composite types' values consist of at the place where the stream of changes is, which the
// database is ahead of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "change/ddl_message.hpp"
#include "change/lsn.hpp"
#include "change/type_catalog.hpp"

namespace pulse::capture {

// PostgreSQL does not describe a table again when a composite type of its columns is altered, so
// that the names of the attributes have to be known otherwise: from the event triggers' messages,
// which stand in the stream where the types were altered, and from the catalog, which says what
// they are when it is read. Where neither tells, the type has no attributes here, and its values
// are text. One owner; not thread-safe.
class composite_shapes {
 public:
  // From there on messages come of whatever is altered. What is between two readings of the catalog
  // without them is not known. Nothing: none come.
  void rely_on_messages(std::optional<lsn> from) { messages_from_ = from; }
  bool relies_on_messages() const { return messages_from_.has_value(); }

  // The types as they were read last, or by an earlier run. They must stay until others are given.
  // True: types() has other attributes than it had.
  bool use(const type_catalog& newest);
  // Nothing of what was known holds: it was another database's.
  void forget();
  // What comes from here on has committed there, or behind. True: types() has others.
  bool reach(lsn commit);
  // Said in a transaction that commits where the stream is. True: types() has others.
  bool said(const ddl_message& message);
  // There are types that a message has told of without what they are, and that no read() followed.
  bool awaits_reading() const;
  // All of those have been read since, and use() was given what they are; what was read had
  // committed before that place. True: types() has others.
  bool read(lsn before);

  bool has_types() const { return newest_ != nullptr; }
  // Good until the next call of one of those above. There are types: use() was called before.
  const type_catalog& types() const { return mixed_ ? *mixed_ : *newest_; }

 private:
  using attributes = std::vector<type_attribute>;
  struct shape {
    std::optional<attributes> has;  // nothing: not known
    lsn at;                         // the commit from which on that holds
    std::optional<lsn> read = {};   // not known: from there on it is as read
  };

  // What the type has where the stream is; null: that is not known.
  const attributes* here(const type_entry& newest) const;
  bool supersedes(const type_entry& newest, const shape& told) const;
  void note_altered(const type_entry& before, const type_entry& now);
  bool mix(const type_catalog& newest);

  std::optional<lsn> messages_from_;
  const type_catalog* newest_ = nullptr;
  std::map<std::uint32_t, shape> told_;  // by OID: by messages, or by the catalog before
  std::optional<shape> others_;          // of those that are not in told_
  std::optional<type_catalog> mixed_;    // where it is not the newest
  lsn reached_;
  std::optional<lsn> next_;  // from there on more of the catalog holds
};

}  // namespace pulse::capture
