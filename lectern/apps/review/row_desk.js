// The rows of one tab: the list, the current row, its editor, and the dialog that asks why a row is rejected.
// All text is inserted as text, only by {{ }}, `:label` and v-model.
//
// The browser has the rows around the current one, so a key shows the next one at once. A decision is about `here`, the
// row on the screen when the key is pressed. It is sent with `seen`, the decision that the user saw, and the server
// refuses to overwrite any other.
import {LongText, Problems, deciding} from "lectern-desk"

const MARKS = {accept: "✓", reject: "✗", edit: "✎"}
const COLORS = {accept: "positive", reject: "negative", edit: "primary"}

export default {
  mixins: [deciding],
  components: {LongText, Problems},
  template: `
    <div class="w-full flex flex-col gap-3">
      <problems :problems="problems" @again="again" @dropped="dropped" />
      <div v-if="view.problem" role="alert" class="wrap-anywhere">{{ view.problem }}</div>
      <div v-if="others.length" class="flex items-center gap-2 text-sm">
        <span>Edits that are not saved:</span>
        <q-btn v-for="draft in others" :key="draft.id" flat dense no-caps :label="'continue ' + draft.id"
          @click="take(() => goOn(draft.id))" />
      </div>
      <div class="w-full flex flex-wrap items-start gap-6">
        <div ref="list" class="basis-72 grow flex flex-col flex-nowrap max-h-[30vh] sm:max-h-[70vh] overflow-y-auto"
          style="min-width: 0">
          <div v-for="row in view.rows" :key="row.id" @click="take(() => open(row.id))" :data-row="row.id"
            class="w-full flex items-center flex-nowrap gap-2 px-2 py-1 cursor-pointer border-b border-gray-500/20 border-l-4"
            :class="row.id === here ? 'lectern-here font-semibold' : 'border-l-transparent'"
            :aria-current="row.id === here ? 'true' : null">
            <span class="w-4 shrink-0">{{ mark(row) }}</span>
            <span class="grow text-sm truncate">{{ row.text }}</span>
            <span v-if="row.dropped" class="text-xs opacity-70">dropped</span>
            <span v-if="drafts[row.id]" class="text-xs opacity-70">draft</span>
          </div>
        </div>
        <div class="basis-96 grow-[3] flex flex-col gap-3" style="min-width: 0">
          <div v-if="!row && !draft">No row matches this filter.</div>
          <div v-if="row || draft" class="flex items-center w-full gap-3 flex-wrap" :data-here="shown">
            <span v-if="row && row.id === shown" class="opacity-70">{{ number(at + 1) }} of {{ number(view.total) }}</span>
            <span class="font-mono text-sm">{{ shown }}</span>
            <template v-if="decided">
              <q-badge :color="color">{{ decided.action }}ed</q-badge>
              <span class="text-sm wrap-anywhere">{{ decided.reason }}</span>
            </template>
          </div>
          <div v-if="draft" class="editor flex flex-col gap-2">
            <q-input v-for="(message, n) in draft.messages" :key="n" type="textarea" outlined autogrow class="w-full"
              :label="message.role" :aria-label="message.role" v-model="message.content" :readonly="saving > 0" />
            <q-input dense label="Why" aria-label="Why" class="w-full" v-model="draft.reason" :readonly="saving > 0" />
            <div class="flex gap-2">
              <q-btn no-caps color="primary" label="Save" :loading="saving > 0" @click="save(draft.seen)" />
              <q-btn no-caps flat label="Cancel" @click="cancel" />
            </div>
          </div>
          <template v-else-if="row">
            <div v-if="row.problem" class="wrap-anywhere">{{ row.problem }}</div>
            <div v-for="(message, n) in messages" :key="row.id + n" class="w-full">
              <div class="text-xs uppercase opacity-70">{{ message.role }}</div>
              <long-text :text="message.content" :whole="message.length ?? message.content.length" />
            </div>
            <div class="flex items-center gap-2 flex-wrap">
              <q-btn no-caps color="primary" label="Accept" title="a" @click="take(() => act('a'))" />
              <q-btn no-caps color="negative" label="Reject" title="r" @click="take(() => act('r'))" />
              <q-btn no-caps outline color="primary" label="Edit" title="e" @click="take(() => act('e'))" />
              <q-btn no-caps flat color="primary" label="Undo" title="u" :disable="!decided" @click="take(() => act('u'))" />
              <q-btn no-caps flat color="primary" label="Previous" title="k" :disable="at === 0" @click="take(() => act('k'))" />
              <q-btn no-caps flat color="primary" label="Next" title="j" :disable="at + 1 === view.total" @click="take(() => act('j'))" />
            </div>
          </template>
          <div v-show="view.here === shown" class="w-full flex flex-col gap-3"><slot /></div>
        </div>
      </div>
      <dialog ref="asked" class="lectern-dialog" @click.self="$refs.asked.close()">
        <div class="flex flex-col gap-2 items-start p-4">
          <div class="font-semibold">Why is it rejected?</div>
          <q-btn v-for="(reason, n) in reasons" :key="n" no-caps flat dense :label="(n + 1) + '  ' + reason"
            @click="reject(reason)" />
          <input ref="why" aria-label="Another reason" placeholder="Another reason" v-model="why"
            class="w-full border-b border-gray-500 py-1" @keydown.enter.prevent="enter">
          <div class="text-sm opacity-80">Type a number or a reason, then Enter.</div>
        </div>
      </dialog>
      <dialog ref="help" class="lectern-dialog" @click.self="$refs.help.close()">
        <div class="p-4 flex flex-col gap-2">
          <div class="grid grid-cols-2 gap-2"><template v-for="[key, told] in help" :key="key">
            <span class="font-mono">{{ key }}</span><span>{{ told }}</span></template></div>
          <div class="text-sm opacity-80 max-w-md">A key acts on the row that is on the screen when you press it, and keys
            act in order, however fast you type. A key that is held down only moves, and decides nothing.</div>
          <q-btn no-caps flat label="Close" @click="$refs.help.close()" />
        </div>
      </dialog>
    </div>`,
  props: {view: Object, reasons: Array, help: Array, accepted: String},
  data() {
    return {
      here: this.view.here, // id of the row on the screen
      local: {}, // id -> a decision of this tab that the view of the server does not include yet
      drafts: {}, // id -> an edit that is not saved
      editing: null, // id of the row in the editor
      saving: 0, // number of the act that saves the edit
      asking: null, // the row that the dialog is about, and the decision that the user saw
      why: "",
    }
  },
  created() {
    this.keys = ["/", "?", "j", "k", "a", "r", "e", "u", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"]
    this.repeating = ["j", "k", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"]
  },
  computed: {
    index() { return this.view.rows.findIndex(row => row.id === this.here) },
    row() { return this.view.rows[this.index] },
    at() { return this.view.first + this.index },
    draft() { return this.editing === null ? null : this.drafts[this.editing] },
    shown() { return this.editing ?? this.here },
    decided() {
      const row = this.view.rows.find(each => each.id === this.shown)
      return row ? this.decidedOf(row) : null
    },
    color() { return COLORS[this.decided.action] },
    messages() { return this.decided?.messages ?? this.row.messages },
    others() { return Object.values(this.drafts).filter(draft => draft.id !== this.editing) },
  },
  watch: {
    view() { this.look() },
    here() { this.$nextTick(() => this.reveal()) },
    drafts: {deep: true, handler() { this.keep() }},
  },
  methods: {
    number(n) { return n.toLocaleString("en") },
    decidedOf(row) { return row.id in this.local ? this.local[row.id].decided : row.decided },
    mark(row) { return MARKS[this.decidedOf(row)?.action] ?? "·" },
    /** The decision about a row that the user saw: their own act in this tab, or the one in the row's file. */
    seenOf(row) { return row.id in this.local ? `act ${this.local[row.id].n}` : row.seen },
    /** Take over the view of the server, but stay at the current row until the server knows all acts of this tab. */
    look() {
      for (const id in this.local) if (this.local[id].n <= this.view.ack) delete this.local[id]
      if (this.view.ack >= this.sent || this.index < 0) this.here = this.view.here
      this.work()
    },
    /** Scroll the list, and nothing else, so that the row on the screen is seen in it. */
    reveal() {
      const list = this.$refs.list, line = list?.querySelector("[aria-current]")
      if (!line) return
      const top = line.offsetTop - list.offsetTop
      if (top < list.scrollTop) list.scrollTop = top
      else if (top + line.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + line.offsetHeight - list.clientHeight
    },
    ready() {
      if (this.saving) return false
      const {first, rows, total} = this.view
      // the rows before and after this one are loaded
      return this.index < 0 || ((this.at === 0 || this.index > 0) && (this.at + 1 === total || this.index + 1 < rows.length))
    },
    act(key) {
      if (key === "/") return document.querySelector("input[aria-label='Search in the rows']")?.focus()
      if (key === "?") return this.showHelp()
      if (this.editing !== null || !this.row) return
      const steps = {j: 1, ArrowDown: 1, ArrowRight: 1, k: -1, ArrowUp: -1, ArrowLeft: -1}
      if (key in steps) this.go(this.step(steps[key]))
      else if (key === "a") this.decide(this.row, {action: "accept", reason: this.accepted}, this.step(1))
      else if (key === "r") this.ask()
      else if (key === "e") this.edit()
      else if (key === "u" && this.decided) this.decide(this.row, null, this.here)
    },
    showHelp() { this.$refs.help.showModal() },
    step(by) { return (this.view.rows[this.index + by] ?? this.row).id },
    go(id) {
      this.here = id
      this.send({id: "", to: id}, false)
    },
    open(id) {
      this.leave()
      this.go(id)
    },
    decide(row, decision, to) {
      this.tell(row.id, this.seenOf(row), decision, to)
      this.here = to
    },
    tell(id, seen, decision, to) {
      const mine = decision ? `You ${decision.action}ed ${id}: ${decision.reason}` : `You removed the decision about ${id}.`
      const act = this.send({id, seen, decides: true, decision, to, mine}, true)
      if (this.outbox.includes(act) || this.outbox.some(each => each.n === act.n)) {
        if (decision?.action !== "edit") this.local[id] = {n: act.n, decided: decision}
      }
      return act
    },
    // rejecting
    ask() {
      this.asking = {row: this.row, seen: this.seenOf(this.row), to: this.step(1)}
      this.why = ""
      this.$refs.asked.showModal()
      this.$refs.why.focus()
    },
    enter(event) {
      if (event.isComposing) return
      const text = this.why.trim()
      const reason = this.reasons[/^[0-9]+$/.test(text) ? Number(text) - 1 : -1] ?? text
      if (reason) this.reject(reason)
    },
    reject(reason) {
      const asked = this.asking
      this.$refs.asked.close()
      this.tell(asked.row.id, asked.seen, {action: "reject", reason}, asked.to)
      this.here = asked.to
    },
    // editing
    edit() {
      const row = this.row, now = this.messages
      if (row.problem) return // the row could not be read
      if (now.some(message => message.cut)) {
        this.fail({n: ++this.sent, id: row.id, mine: row.id}, {error: "the row is too long to edit here. Correct it by hand in data/corrections/examples.jsonl."})
        return
      }
      this.drafts[row.id] ??= {
        id: row.id, seen: this.seenOf(row), to: this.step(1), reason: "worded better",
        messages: now.map(({role, content}) => ({role, content})), before: now.map(message => message.content),
      }
      this.editing = row.id
      this.$nextTick(() => {
        const field = [...this.$el.querySelectorAll(".editor textarea")].at(-1)
        field?.focus()
        field?.setSelectionRange(field.value.length, field.value.length)
      })
    },
    goOn(id) {
      this.leave()
      if (this.view.rows.some(row => row.id === id)) this.go(id)
      this.editing = id
    },
    /** Close the editor; what was typed stays as a draft. */
    leave() {
      const draft = this.draft
      if (draft && !draft.messages.some((message, n) => message.content !== draft.before[n])) delete this.drafts[draft.id]
      this.editing = null
    },
    cancel() {
      if (this.saving) return
      delete this.drafts[this.editing]
      this.editing = null
      this.work()
    },
    save(seen) {
      if (this.saving) return
      const draft = this.draft
      const messages = draft.messages.filter(message => message.content.trim()).map(({role, content}) => ({role, content}))
      const act = this.tell(draft.id, seen, {action: "edit", reason: draft.reason, messages}, draft.to)
      if (this.outbox.some(each => each.n === act.n)) this.saving = act.n
    },
    saved(act) {
      if (act.decision?.action !== "edit") return
      delete this.drafts[act.id]
      this.local[act.id] = {n: act.n, decided: act.decision}
      if (act.n !== this.saving) return
      this.saving = 0
      this.editing = null
      if (act.to) this.here = act.to
    },
    notSaved(act) {
      if (this.local[act.id]?.n === act.n) delete this.local[act.id]
      if (act.n !== this.saving) return
      this.saving = 0
      this.held = [] // these keys were meant for the row after this one
    },
    // decisions that could not be written
    again(problem) {
      const {act, theirs} = problem, seen = theirs ? theirs.seen : act.seen
      if (!act.decides) return this.drop(problem)
      problem.busy = true
      if (act.decision?.action === "edit" && this.editing === act.id) return this.save(seen)
      this.tell(act.id, seen, act.decision, null)
    },
    dropped(problem) {
      this.drop(problem)
      if (!problem.theirs) return
      delete this.drafts[problem.act.id]
      if (this.editing === problem.act.id) this.editing = null
    },
    stored() { return {outbox: this.outbox, problems: this.problems, drafts: this.drafts} },
    restored(found) { this.drafts = found.drafts ?? {} },
  },
}
