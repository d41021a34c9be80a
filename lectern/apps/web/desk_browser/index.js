// Shared parts of pages on which a user decides about one thing after the other, by keyboard or mouse. They run in the
// browser, so that each key acts at once on what is on the screen. Nothing waits for the server, and keys that come
// faster than the server answers are neither dropped nor applied to a wrong row.
//
// A page that uses the mixin `deciding` defines `act(key)`, which does what a key says, and `ready()`, which tells
// whether it can do so now (keys wait in `held` until it can). It may define `saved(act)` and `notSaved(act, result)`.

const LONG = 4000, MOST = 900000

/** A text of a person or a model, inserted as text; a long one is cut, with a button that shows more. */
export const LongText = {
  template: `<div class="w-full">
    <div class="whitespace-pre-wrap wrap-anywhere max-w-full">{{ all ? text : text.slice(0, ${LONG}) }}</div>
    <q-btn v-if="!all && text.length > ${LONG}" flat dense no-caps :label="told" @click="all = true" /></div>`,
  props: {text: String, whole: Number},
  data() { return {all: false} },
  watch: { text() { this.all = false } },
  computed: {
    told() {
      const number = n => n.toLocaleString("en")
      const shown = this.text.length < this.whole ? `the first ${number(this.text.length)}` : "all"
      return `show ${shown} of ${number(this.whole)} characters`
    },
  },
}

/** The field that gets typed keys. A field in a closed dialog keeps the focus until the next frame, so it must be visible. */
function field() {
  const focus = document.activeElement
  return focus && focus.matches("input, select, textarea, [contenteditable]") && focus.checkVisibility() ? focus : null
}

/** Changes that could not be written; they stay until the user retries or dismisses them. */
export const Problems = {
  components: {LongText},
  template: `<div v-for="problem in problems" :key="problem.act.n" role="alert"
      class="w-full rounded p-3 bg-red-100 text-black flex flex-col gap-1" :data-about="problem.act.id">
      <div class="font-semibold">{{ problem.told }}</div>
      <div class="wrap-anywhere">{{ problem.mine }}</div>
      <template v-if="problem.theirs">
        <div class="wrap-anywhere">{{ problem.theirs.told }}</div>
        <template v-for="message in problem.theirs.messages">
          <div class="text-xs uppercase opacity-70">{{ message.role }}</div>
          <long-text :text="message.content" :whole="message.content.length" />
        </template>
        <div>
          <q-btn no-caps dense flat label="Save mine over theirs" :disable="problem.busy" @click="$emit('again', problem)" />
          <q-btn no-caps dense flat label="Keep theirs" :disable="problem.busy" @click="$emit('dropped', problem)" />
        </div>
      </template>
      <div v-else>
        <q-btn no-caps dense flat label="Try again" :disable="problem.busy" @click="$emit('again', problem)" />
        <q-btn no-caps dense flat label="Dismiss" :disable="problem.busy" @click="$emit('dropped', problem)" />
      </div>
    </div>`,
  props: {problems: Array},
  emits: ["again", "dropped"],
}

/** A mixin that handles keys in order, sends each act to the server, and handles its result. */
export const deciding = {
  data() {
    // sent: number of the last act; outbox: acts without an answer of the server; held: waiting keys
    return {sent: 0, outbox: [], problems: [], held: []}
  },
  mounted() {
    this.listener = event => this.heard(event)
    document.addEventListener("keydown", this.listener, true) // capturing, since a busy button stops key events
    this.restore()
  },
  unmounted() { document.removeEventListener("keydown", this.listener, true) },
  watch: {
    problems: {deep: true, handler() { this.keep() }},
  },
  methods: {
    heard(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      if (field() || document.querySelector("dialog[open]")) return // keys belong to the dialog
      if (!this.held.length && !this.keys.includes(event.key)) return
      if (event.key.length > 1 && ![...this.keys, "Enter", "Escape"].includes(event.key)) return
      event.preventDefault() // otherwise the letter would be typed into the field that it opens
      if (event.repeat && !this.repeating.includes(event.key)) return
      this.take(event.key)
    },
    /** Queue a key or a function; it acts after all earlier ones. */
    take(key) {
      this.held.push(key)
      this.work()
    },
    async work() {
      if (this.working) return
      this.working = true
      while (this.held.length && this.ready()) {
        const next = this.held.shift();
        if (typeof next === "function") next()
        else if (!this.typed(next)) this.act(next)
        if (this.held.length) await this.$nextTick() // wait for the field that the key may have opened
      }
      this.working = false
    },
    /** Type a waiting key into the dialog or field that an earlier key has opened; return whether there is one. */
    typed(key) {
      const into = field(), dialog = document.querySelector("dialog[open]")
      if (dialog && key === "Escape") {
        dialog.close()
        return true
      }
      if (!into?.setRangeText) return dialog !== null
      if (key.length === 1) {
        into.setRangeText(key, into.selectionStart, into.selectionEnd, "end")
        into.dispatchEvent(new Event("input", {bubbles: true}))
      } else {
        into.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}))
      }
      return true
    },
    /** Send an act to the server; an act that decides something is kept until it is written. */
    send(act, decides) {
      const told = {...act, n: ++this.sent}
      if (JSON.stringify(told).length > MOST) {
        this.fail(told, {error: `the text is longer than ${MOST.toLocaleString("en")} characters. Edit the file by hand.`})
        return told
      }
      if (decides) {
        this.outbox.push(told)
        this.keep()
      }
      this.$emit("act", told)
      return told
    },
    /** Handle the server's result of an act. */
    done(n, result) {
      const act = this.outbox.find(each => each.n === n)
      if (!act) return
      this.outbox = this.outbox.filter(each => each.n !== n)
      this.keep()
      if (result.error === undefined) {
        this.problems = this.problems.filter(problem => problem.act.id !== act.id)
        this.saved?.(act)
      } else {
        this.fail(act, result)
      }
      this.work()
    },
    fail(act, result) {
      this.problems = this.problems.filter(problem => problem.act.id !== act.id)
      this.problems.push({act, told: result.told ?? `Not saved: ${result.error}`, mine: act.mine, theirs: result.theirs})
      this.notSaved?.(act, result)
    },
    drop(problem) { this.problems = this.problems.filter(each => each !== problem) },
    // after a reload of the tab or a restart of the server, acts that were not written are sent again
    place() { return `lectern ${location.pathname}` },
    stored() { return {outbox: this.outbox, problems: this.problems} },
    keep() {
      try {
        sessionStorage.setItem(this.place(), JSON.stringify(this.stored()))
      } catch { /* the browser cannot store more, or anything */ }
    },
    restore() {
      let found = {}
      try {
        found = JSON.parse(sessionStorage.getItem(this.place()) ?? "{}")
      } catch { /* treated as if nothing were stored */ }
      this.restored?.(found)
      this.problems = (found.problems ?? []).map(problem => ({...problem, busy: false}))
      this.outbox = found.outbox ?? []
      for (const act of this.outbox) {
        this.sent = Math.max(this.sent, act.n)
        this.$emit("act", {...act})
      }
    },
  },
}
