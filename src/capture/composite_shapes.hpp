// The attributes of composite types at the position of the stream, which is earlier than the
// database's present.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "change/ddl_message.hpp"
#include "change/lsn.hpp"
#include "change/type_catalog.hpp"

namespace pulse::capture {

// PostgreSQL does not describe a table again when a composite type of its columns is altered. So
// the names of the attributes come from elsewhere: from the event triggers' messages, which are in
// the stream at the alteration, and from the catalog, which has those at the time of its reading.
// If neither tells, the type has no attributes here, and its values are text. One owner; not
// thread-safe.
class composite_shapes {
 public:
  // From there on, messages report every alteration. Alterations between two readings of the
  // catalog without messages are unknown. Nothing: no messages come.
  void rely_on_messages(std::optional<lsn> from) { messages_from_ = from; }
  bool relies_on_messages() const { return messages_from_.has_value(); }

  // Sets the types of the last reading, or of an earlier run. They must live until others are set.
  // True: types() has changed.
  bool use(const type_catalog& newest);
  // Forgets everything: it was another database's.
  void forget();
  // Later changes have committed there or after it. True: types() has changed.
  bool reach(lsn commit);
  // Takes a message of the transaction that commits at the stream's position. True: types() has
  // changed.
  bool said(const ddl_message& message);
  // Returns whether a message has named types without attributes that no read() followed.
  bool awaits_reading() const;
  // All of those were read and given to use(); what was read had committed before that position.
  // True: types() has changed.
  bool read(lsn before);

  bool has_types() const { return newest_ != nullptr; }
  // Valid until the next call of one of those above. Call use() before.
  const type_catalog& types() const { return mixed_ ? *mixed_ : *newest_; }

 private:
  using attributes = std::vector<type_attribute>;
  struct shape {
    std::optional<attributes> has;  // nothing: not known
    lsn at;                         // the commit from which on that holds
    std::optional<lsn> read = {};   // not known: from there on it is as read
  };

  // Returns the attributes of the type at the stream's position; null: unknown.
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
