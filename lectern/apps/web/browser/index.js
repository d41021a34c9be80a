// What a page needs on which a person decides on one thing after the other, by keyboard or mouse. It runs in the
// browser, so that each key acts at once on what is on the screen: nothing waits for the server, and keys that come
// faster than it answers are neither dropped nor misplaced.
//
// A page that mixes `deciding` in gives: `act(key)`, what a key does; `ready()`, whether it can do it now (keys wait
// in `held` until it can); and, if it likes, `saved(act)` and `notSaved(act, result)`.

const LONG = 4000, MOST = 900000

/** Somebody's text, put into the page as text; a long one is cut, with a button that shows more of it. */
export const LongText = {
  template: `<div class="w-full">
    <div class="whitespace-pre-wrap break-words max-w-full">{{ all ? text : text.slice(0, ${LONG}) }}</div>
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

/** The field that keys are typed into. One in a dialog that was closed has the focus until the next picture. */
function field() {
  const focus = document.activeElement
  return focus && focus.matches("input, select, textarea, [contenteditable]") && focus.checkVisibility() ? focus : null
}

/** What could not be written stays here until the person has tried it again or put it away. */
export const Problems = {
  components: {LongText},
  template: `<div v-for="problem in problems" :key="problem.act.n" role="alert"
      class="w-full rounded p-3 bg-red-100 text-black flex flex-col gap-1" :data-about="problem.act.id">
      <div class="font-semibold">{{ problem.told }}</div>
      <div class="break-words">{{ problem.mine }}</div>
      <template v-if="problem.theirs">
        <div class="break-words">{{ problem.theirs.told }}</div>
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

/** Keys in their order, each act on its way to the server, and what became of it. */
export const deciding = {
  data() {
    // sent: number of the last act; outbox: acts that the server has not answered; held: keys that wait
    return {sent: 0, outbox: [], problems: [], held: []}
  },
  mounted() {
    this.listener = event => this.heard(event)
    document.addEventListener("keydown", this.listener, true) // a button that waits lets no key through
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
      event.preventDefault() // or a letter would be typed into the field that it opens
      if (event.repeat && !this.repeating.includes(event.key)) return
      this.take(event.key)
    },
    /** Do what a key, or a function, says: after all that came before it. */
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
        if (this.held.length) await this.$nextTick() // until the field stands there that the key has opened
      }
      this.working = false
    },
    /** A key that waited belongs to the dialog or the field that an earlier one has opened meanwhile. */
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
    /** Tell the server what was done; an act that decides something is kept until it is written. */
    send(act, decides) {
      const told = {...act, n: ++this.sent}
      if (JSON.stringify(told).length > MOST) {
        this.fail(told, {error: `it is longer than ${MOST.toLocaleString("en")} characters. Edit its file by hand.`})
        return told
      }
      if (decides) {
        this.outbox.push(told)
        this.keep()
      }
      this.$emit("act", told)
      return told
    },
    /** The server has worked an act off. */
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
    // a tab that is loaded again, or whose server started again, goes on with what was not written
    place() { return `lectern ${location.pathname}` },
    stored() { return {outbox: this.outbox, problems: this.problems} },
    keep() {
      try {
        sessionStorage.setItem(this.place(), JSON.stringify(this.stored()))
      } catch { /* the browser stores nothing, or no more */ }
    },
    restore() {
      let found = {}
      try {
        found = JSON.parse(sessionStorage.getItem(this.place()) ?? "{}")
      } catch { /* as if there were nothing */ }
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
