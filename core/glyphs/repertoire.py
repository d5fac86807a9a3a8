"""Named character sets: `characters("hiragana+digits")` -> the characters whose labels are 0 .. K-1, in this order.

A spec is one of `NAMES`, names joined with `+` (a union: the order stays, later duplicates are dropped), or any other
text, taken as the characters themselves (`あいうえお`, `ABC`, duplicates dropped, blanks ignored). Latin text of two or
more signs with a small letter is always taken as a name, so that a misspelt name is an error and not a set of letters.

Sets that a rule gives (kana, JIS level 1) are computed; the two school lists are stored at the end of this file.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from core.errors import ConfigError

_VOWELS = "あいうえお"
_VOICELESS = "かきくけこさしすせそたちつてと"  # the rows that take the voicing mark
_A_TO_KA = _VOWELS + "かきくけこ"
_SA_TO_HA = "さしすせそたちつてとなにぬねのはひふへほ"
_MA_TO_N = "まみむめもやゆよらりるれろわをん"
_HIRAGANA = _A_TO_KA + _SA_TO_HA + _MA_TO_N
_SMALL_IN_ETL8 = "っゃゅょ"

_FIRST_LEVEL_ROWS = range(16, 48)  # JIS X 0208 rows of the level-1 kanji; the last row is not full
_CELLS = range(1, 95)
_EUC_OFFSET = 0xA0

_MARKED = re.compile(".[\u3099\u309a]")
_LIKE_A_NAME = re.compile(r"(?=.*[a-z])[A-Za-z0-9_-]{2,}")


def names_with(text: str) -> list[str]:
    """The sets that hold every character of a text; none for ASCII, which is rather meant as a word."""
    return [] if text.isascii() else [name for name in NAMES if set(text) <= set(characters(name))]


def composed(text: str) -> str:
    """Kana that are followed by a voicing mark of their own, as some systems write が, as one character each."""
    return _MARKED.sub(lambda pair: unicodedata.normalize("NFC", pair[0]), text)


def shown(character: str) -> str:
    """A character in a message: its code point where it could not be seen, or only on the one before it."""
    return f"U+{ord(character):04X}" if unicodedata.category(character)[0] in "CMZ" else character


def characters(spec: str) -> tuple[str, ...]:
    """The characters of a spec, each once, in label order."""
    if not spec.strip():
        raise ConfigError(
            f"no characters asked for; give a set ({', '.join(NAMES)}) or the characters, such as あいうえお"
        )
    return _unique("".join("".join(_part(part.strip(), spec)) for part in spec.split("+")))


def _part(part: str, spec: str) -> tuple[str, ...]:
    if not part:
        raise ConfigError(f"{spec!r} has nothing before or after a '+'; write two sets, such as hiragana+digits")
    if part in _SETS:
        return _SETS[part][1]()
    if _LIKE_A_NAME.fullmatch(part) or part.lower() in _SETS:
        near = difflib.get_close_matches(part.lower(), _SETS, n=1, cutoff=0.0)[0]
        raise ConfigError(
            f"no character set is named {part!r}; did you mean {near!r}? There are: {', '.join(_SETS)}. "
            "Single small letters are joined with '+', such as a+b"
        )
    return tuple(c for c in composed(part) if not c.isspace())


def _unique(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text))


def _voiced(kana: str) -> str:
    return "".join(chr(ord(c) + 1) for c in kana)  # Unicode puts the voiced kana right behind its voiceless one


def _hiragana_71() -> tuple[str, ...]:
    ha_row = "はひふへほ"
    half_voiced = "".join(chr(ord(c) + 2) for c in ha_row)
    return tuple(_HIRAGANA + _voiced(_VOICELESS + ha_row) + half_voiced)


def _katakana(hiragana: tuple[str, ...]) -> tuple[str, ...]:
    shift = ord("ア") - ord("あ")
    return tuple(chr(ord(c) + shift) for c in hiragana)


@cache
def _jis1() -> tuple[str, ...]:
    codes = (bytes([row + _EUC_OFFSET, cell + _EUC_OFFSET]) for row in _FIRST_LEVEL_ROWS for cell in _CELLS)
    return tuple(c for code in codes if (c := code.decode("euc_jp", errors="ignore")))


def _in_jis_order(text: str) -> tuple[str, ...]:
    return tuple(sorted(text, key=lambda c: c.encode("euc_jp")))


@cache
def _etl8() -> tuple[str, ...]:
    hiragana = "".join(_hiragana_71()) + _SMALL_IN_ETL8
    kanji = set(_KYOIKU) - set(_SINCE_1958) | set(_UNTIL_1989)
    return _in_jis_order(hiragana) + _in_jis_order("".join(kanji))


def _letters() -> str:
    upper = "".join(chr(ord("A") + i) for i in range(26))
    return upper + upper.lower()


_SETS: dict[str, tuple[str, Callable[[], tuple[str, ...]]]] = {
    "digits": ("0 to 9", lambda: tuple("0123456789")),
    "hiragana-a-ka": ("10 hiragana: the あ and か rows", lambda: tuple(_A_TO_KA)),
    "hiragana-sa-ha": ("20 hiragana: the さ, た, な and は rows", lambda: tuple(_SA_TO_HA)),
    "hiragana": ("46 hiragana, あ to ん", lambda: tuple(_HIRAGANA)),
    "katakana": ("46 katakana, ア to ン", lambda: _katakana(tuple(_HIRAGANA))),
    "kanji-10": ("10 easy kanji: 一右雨円王音下火花貝", lambda: tuple("一右雨円王音下火花貝")),
    "hiragana-71": ("46 hiragana and the 25 voiced ones", _hiragana_71),
    "katakana-71": ("46 katakana and the 25 voiced ones", lambda: _katakana(_hiragana_71())),
    "kyoiku": ("1,026 kanji taught in primary school (2020)", lambda: tuple(_KYOIKU)),
    "jis1": ("2,965 kanji of JIS level 1", _jis1),
    "etl8": ("956 of ETL8: 75 hiragana, 881 kanji", _etl8),
    "etl9": ("3,036 of ETL9: 71 hiragana, 2,965 kanji", lambda: _in_jis_order("".join(_hiragana_71())) + _jis1()),
    "latin": ("A to Z, a to z", lambda: tuple(_letters())),
    "alnum": ("digits and Latin letters", lambda: tuple("0123456789" + _letters())),
}

NAMES: Mapping[str, str] = MappingProxyType({name: phrase for name, (phrase, _) in _SETS.items()})

# The list of kanji by school year as it has been since 2020 (学年別漢字配当表, Ministry of Education), in JIS order.
_KYOIKU = (
    "愛悪圧安暗案以位囲委意易異移胃衣遺医井域育一茨印員因引飲院右宇羽雨運雲営映栄永泳英衛液益駅円園延沿演遠塩央往"
    "応横王黄岡沖億屋恩温音下化仮何価加可夏家科果歌河火花荷課貨過我画芽賀会解回快改械海灰界絵開階貝外害街各拡格確"
    "覚角閣革学楽額潟割活株寒刊巻完官干幹感慣漢看管簡観間関館丸岸眼岩顔願危喜器基寄岐希揮机旗期機帰気汽季紀規記貴"
    "起技疑義議客逆久休吸宮弓急救求泣球究級給旧牛去居挙許漁魚京供競共協境強教橋胸興郷鏡業局曲極玉勤均禁筋近金銀九"
    "句区苦具空熊君訓群軍郡係兄型形径敬景系経計警軽芸劇激欠決潔穴結血月件健券建憲検権犬研絹県見険験元原厳減源現言"
    "限個古呼固己庫戸故湖五午後語誤護交候光公功効厚口向后好孝工幸広康校構港皇紅耕考航行講鉱鋼降香高号合刻告国穀黒"
    "骨今困根混佐左差査砂座再最妻才採済災祭細菜裁際在材罪財坂阪崎埼作昨策桜冊刷察札殺雑皿三参山散産算蚕賛酸残仕使"
    "司史四士始姉姿子市師志思指支枝止死氏私糸紙至視詞詩試誌資飼歯事似児字寺持時次滋治磁示耳自辞鹿式識七失室質実舎"
    "写射捨社者謝車借尺若弱主取守手種酒首受授樹収周宗就州修拾秋終習衆週集住十従縦重宿祝縮熟出術述春準純順処初所暑"
    "署書諸助女序除傷勝商唱将小少承招昭松消焼照省章笑証象賞障上乗城場常情条状蒸植織職色食信心新森深申真神臣親身進"
    "針人仁図垂推水数寸世制勢性成政整星晴正清生盛精聖声製西誠青静税席昔石積績責赤切接折設節説雪絶舌先千宣専川戦泉"
    "浅洗染線船選銭前善然全祖素組創倉奏層想操早巣争相窓総草装走送像増臓蔵造側則息束測足速属族続卒存孫尊損村他多太"
    "打体対帯待態貸退隊代台大第題宅達谷単担探炭短誕団断暖段男談値知地池置築竹茶着中仲宙忠昼柱注虫著貯丁兆帳庁張朝"
    "潮町腸調長頂鳥直賃追痛通低停定底庭弟提程敵的笛適鉄典天展店転点伝田電徒登都努度土党冬刀島投東湯灯当等答糖統討"
    "豆頭働動同堂導童道銅得徳特毒独読栃届奈内縄南難二肉日乳入任認熱年念燃納能脳農波派破馬俳拝敗背肺配倍梅買売博白"
    "麦箱畑八発判半反板版犯班飯晩番否悲批比皮秘肥費非飛備美鼻必筆媛百俵標氷票表評病秒品貧不付夫婦富布府父負阜武部"
    "風副復服福腹複仏物分奮粉文聞兵平並閉陛米別変片編辺返便勉弁保歩補墓暮母包報宝放方法訪豊亡忘暴望棒貿防北牧本妹"
    "枚毎幕末万満味未密脈民務夢無名命明盟迷鳴綿面模毛木目問門夜野矢役約薬訳油輸優勇友有由遊郵夕予余預幼容曜様洋用"
    "羊葉要陽養欲浴翌来落乱卵覧利梨理裏里陸律率立略流留旅両料良量領力緑林臨輪類令例冷礼歴列練連路労朗老六録論和話"
)

# ETL8's 881 kanji are the school list before its first extension (学年別漢字配当表 of 1958, the characters of the
# 当用漢字別表 of 1948), stored as the difference from today's. Counts and ranges of codes agree with each of ETL8B's
# three files (245, 320 and 316 kanji); which of 燈 and 灯 the writers saw is not certain: the list has 燈.
_SINCE_1958 = (
    "井域茨宇羽映沿岡沖灰街閣潟割巻干看簡丸危岐揮机吸弓泣胸郷筋熊径警劇激穴源呼好紅鋼降香刻骨困佐砂座裁阪崎埼桜冊"
    "札皿姿枝誌飼滋磁鹿射捨尺若樹縦縮熟署傷将松笑障城蒸針垂寸盛昔泉洗染奏層操巣窓装臓束宅担探誕暖段値仲宙兆庁潮頂"
    "痛笛灯糖豆栃奈縄乳脳俳背肺梅箱班晩批秘媛阜腹並閉片暮宝訪亡忘棒枚幕密夢模矢優郵幼羊翌乱卵覧梨裏朗"
)
_UNTIL_1989 = "壱勧歓兼釈需称是俗燈弐"
